// Which cells of a solve become captures.
#include "compiler/infer/settle_cells.h"

#include <doctest/doctest.h>

#include "compiler/nodec.h"
#include "ir/print.h"
#include "kernels/solve/adjoint.h"

using namespace nodec;

TEST_CASE("a differentiated program goes through the stages again, by every rule") {
  for (const std::string& rule : adjoint_names()) {
    CAPTURE(rule);
    const auto end = [&](const Var& k) {
      return solve([&](const Var& u) { return -1 * k * u; }, 1.0 * k, 0, 1, {.adjoint = rule}).u;
    };
    const Traced traced = trace("g", {{"k", f64()}}, [&](const Var& k) { return grad(end, k); });
    const std::unique_ptr<Graph> once = run_until(*traced.graph, "differentiate");
    const std::unique_ptr<Graph> again = run_until(*once, "differentiate");
    CHECK(print(*again) == print(*once));
  }
}
