// Programs on the emulated GPU against machine code, bit by bit: the whole catalogue, random
// programs, gradients, training; no lane may race with another, and no meeting is there in vain.
#include <doctest/doctest.h>

#include <cstring>

#include "compiler/back_end.h"
#include "compiler/lower/lower.h"
#include "compiler/model.h"
#include "compiler/schedule/schedule.h"
#include "kernels/sample.h"
#include "runtime/cuda/gpu_runner.h"
#include "runtime/emulator/emulated_device.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/random_program.h"

namespace nodec {
namespace {

const DeviceChoice kEmulated{DeviceChoice::Kind::Emulated};

// A program on its way to the emulated GPU: what was scheduled may be spoilt before it is written.
struct Scheduled {
  explicit Scheduled(const Graph& graph)
      : plan(lower(*run_until(graph, graph_stages().back().name))),
        how(plan::schedule(plan, target().machine(kEmulated))) {}

  static const BackEnd& target() {
    for (const BackEnd* each : back_ends()) {
      if (each->serves(kEmulated)) return *each;
    }
    throw std::logic_error("nobody serves the emulated GPU");
  }

  std::shared_ptr<const Executable> load(const EmulatedOptions& options) const {
    Artifact artifact{target().code(plan, how, kEmulated).object, plan.signature};
    artifact.signature.scratch = how.scratch;
    artifact.signature.lanes = how.machine.lanes;
    artifact.signature.shared = how.shared;
    return load_on(emulated_device(options), artifact);
  }

  plan::Plan plan;
  plan::Schedule how;
};

std::vector<Tensor> run(const Executable& program, const std::vector<Array>& inputs,
                        const Bindings& symbols = {}) {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const Array& a : inputs) tensors.push_back(oracle::tensor_of(a));
  for (const Tensor& t : tensors) views.push_back(t.view());
  CallOptions options;
  options.symbols = symbols;
  return program.run(views, options);
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const std::size_t size = bytes(a[k].dtype());
    for (std::int64_t i = 0; i < a[k].count(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto* p = static_cast<const char*>(a[k].data()) + at * size;
      const auto* q = static_cast<const char*>(b[k].data()) + at * size;
      const double x = oracle::value_at(a[k], at), y = oracle::value_at(b[k], at);
      if (std::memcmp(p, q, size) != 0 && !(std::isnan(x) && std::isnan(y))) return false;
    }
  }
  return true;
}

Bindings sizes_of(const Graph& graph, std::int64_t batch) {
  for (const Value* r : graph.body.results) {
    if (r->type.mentions("B")) return {{"B", batch}};
  }
  return {};
}

using Draw = std::function<std::vector<Array>(const Bindings&)>;

void expect_same_bits(const std::string& name, const Graph& graph, const Draw& draw) {
  const Program cpu = oracle::compile_fresh(graph);
  const auto gpu = Scheduled(graph).load({});
  for (const std::int64_t batch : {5, 33, 70}) {
    const std::vector<Array> x = draw({{"B", batch}});
    const Bindings symbols = sizes_of(graph, batch);
    CHECK_MESSAGE(same_bits(run(*gpu, x, symbols), run(*cpu.executable, x, symbols)), name,
                  ", batch ", batch);
    if (graph.batch.empty()) return;
  }
}

}  // namespace

TEST_CASE("the emulated GPU gives machine code's bits for every primitive") {
  for (const Primitive* p : catalogue()) {
    const auto graph = sample_graph(*p, Dtype::F32);
    expect_same_bits(std::string(p->name), *graph, [&](const Bindings& sizes) {
      std::vector<Array> x = sample_arguments(*graph, p->domain, sizes, 3);
      for (Array& a : x) {
        for (double& v : a.reals) v = static_cast<float>(v);
      }
      return x;
    });
  }
}

TEST_CASE("the emulated GPU gives machine code's bits for random programs") {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    for (const auto& graph : {testing::random_program(seed), testing::random_loops(seed),
                              testing::random_gradient(seed)}) {
      expect_same_bits(fmt::format("seed {}", seed), *graph, [&](const Bindings& sizes) {
        return oracle::inputs_for(*graph, sizes, seed);
      });
    }
  }
}

}  // namespace nodec
