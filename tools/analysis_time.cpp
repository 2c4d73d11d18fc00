// How long inference and the stability gate take: the three MNIST models, forward and backward, and
// chains of layers, each in a call of its own that also stores to a captured variable. One JSON
// line each; `tools/bench analysis` reads them.
#include <algorithm>
#include <cstdio>

#include "compiler/nodec.h"
#include "examples/mnist/model.h"
#include "tools/timing.h"

namespace nodec {
namespace {

double milliseconds(const Traced& traced) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    best = std::min(best, milliseconds_of([&] { analyze(*traced.graph); }));
  }
  return best;
}

Traced chain(int layers) {
  Trace t("chain", "B");
  Var h = t.input("x", f32({8, "B"}));
  const Var weight = t.input("w", f32({8, 8}));
  std::vector<Var> seen(std::size_t(layers), Var(zeros(f32({8}))));
  for (int i = 0; i < layers; ++i) {
    h = call(
        fmt::format("layer_{}", i + 1),
        [&](const Var& x) {
          const Var y = tanh(matmul(weight, x));
          seen[std::size_t(i)] = mean(y, {1});
          return y;
        },
        h);
  }
  t.output("y", h);
  return t.finish();
}

void report(const std::string& what, const Traced& traced) {
  std::printf("{\"what\": \"%s\", \"milliseconds\": %.3f, \"findings\": %zu}\n", what.c_str(),
              milliseconds(traced), analyze(*traced.graph).size());
}

}  // namespace
}  // namespace nodec

int main() {
  using namespace nodec;
  for (const char* model : {"layer", "stateful", "compact"}) {
    mnist::ProgramOptions options;
    options.model = model;
    report(std::string("mnist/") + model, mnist::trace_training(options));
  }
  for (const int layers : {500, 1000, 2000}) {
    report(fmt::format("chain of {}", layers), chain(layers));
  }
}
