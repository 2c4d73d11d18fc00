// Carries that stay equal, also where each becomes another one's next value, and such as do not.
#include "compiler/passes/equal_carries.h"

#include "compiler/nodec.h"
#include "doctest/doctest.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

using Places = std::vector<std::size_t>;
using Body = std::function<std::vector<Var>(const std::vector<Var>&)>;

// Of a loop whose carries all start from x; the first is the loop's own, the number of turns.
Places equal_of(std::size_t count, const Body& body) {
  const Traced traced = trace("f", {{"x", f64()}}, [&](const Var& x) {
    const auto turn = [&](const Var&, const std::vector<Var>& now) { return body(now); };
    return repeat(5, std::vector<Var>(count, x), turn);
  });
  const auto graph = run_until(*traced.graph, "differentiate");
  for (const auto& op : graph->body.ops) {
    if (op->primitive != &while_p) continue;
    for (const Group& group : groups_of(*op)) {
      if (group.role == Role::Carry) return equal_carries(*op, group);
    }
  }
  return {};
}

}  // namespace

TEST_CASE("carries that start from one value and stay equal are known") {
  CHECK(equal_of(3, [](const std::vector<Var>& u) {
          return std::vector<Var>{sin(u[0]), cos(u[1]), sin(u[2])};
        }) == Places{0, 1, 2, 1});
  CHECK(equal_of(3, [](const std::vector<Var>& u) {
          return std::vector<Var>{sin(u[1]), sin(u[2]), sin(u[0])};
        }) == Places{0, 1, 1, 1});
}

TEST_CASE("carries that are told apart some turns later differ") {
  const auto shifted = [](std::size_t count) {
    return equal_of(count, [](const std::vector<Var>& u) {
      std::vector<Var> next(u.begin() + 1, u.end());
      next.push_back(u.back() * 2.0);
      return next;
    });
  };
  for (const std::size_t count : {2, 3, 20, 60}) {
    const Places equal = shifted(count);
    REQUIRE(equal.size() == count + 1);
    for (std::size_t i = 0; i < equal.size(); ++i) CHECK(equal[i] == i);
  }
}

}  // namespace nodec
