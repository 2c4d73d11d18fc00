// How long analysis takes. Nothing is asserted about time; run it with
//   corpus_tests --no-skip --test-case="time of analysis"
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "compiler/nodec.h"
#include "examples/mnist/program.h"

namespace nodec {
namespace {

double milliseconds(const Traced& traced) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    analyze(*traced.graph);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

// `layers` dense layers, each in a call of its own that also stores to a captured variable.
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

TEST_CASE("time of analysis" * doctest::skip()) {
  for (const char* style : {"layer", "stateful", "compact"}) {
    mnist::ProgramOptions options;
    options.model = style;
    const Traced traced = mnist::trace_training(options);
    std::printf("mnist/%-9s %7.2f ms, forward and backward\n", style, milliseconds(traced));
  }
  for (const int layers : {500, 1000, 2000}) {
    const Traced traced = chain(layers);
    const std::size_t findings = analyze(*traced.graph).size();
    std::printf("chain of %4d   %7.2f ms, %zu findings\n", layers, milliseconds(traced), findings);
  }
}

}  // namespace
}  // namespace nodec
