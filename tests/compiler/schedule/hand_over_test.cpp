// When a chunk's sums leave its member's shared memory, on plans and meetings written by hand.
#include "compiler/schedule/hand_over.h"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

namespace nodec {
namespace {

using namespace plan;

constexpr int kSums = 0, kMore = 1, kNever = 2;  // slots; the last ones are not in the arena

Node folded(int slots) { return {FoldSlots{slots, nullptr, {}}}; }
Node anything() { return {Phase{}}; }
Node met(Node node, int number) {
  node.number = number;
  return node;
}
Node turns_of(Nodes body) {
  While loop;
  loop.body = std::move(body);
  return {std::move(loop)};
}
Node either(Nodes then_body, Nodes else_body) {
  If fork;
  fork.then_body = std::move(then_body);
  fork.else_body = std::move(else_body);
  return {std::move(fork)};
}

// Nodes that have a number meet. "7: 0, 1; 9: 0" are the meetings and what is copied before each.
std::string handed(Nodes body, std::vector<Nodes> functions = {}) {
  Plan plan;
  plan.body = std::move(body);
  for (Nodes& nodes : functions) {
    plan.functions.emplace_back().body = std::move(nodes);
    plan.functions.back().team = true;
  }
  Schedule how;
  how.places.resize(3);
  how.places[kSums].kind = how.places[kMore].kind = Place::Kind::Chunk;
  for (int number = 0; number < 20; ++number) how.meetings[number] = "";
  std::string text;
  for (const auto& [number, slots] : hand_over(plan, how)) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", number, fmt::join(slots, ", "));
  }
  return text;
}

}  // namespace

TEST_CASE("sums are handed over before the last meeting in front of their fold") {
  CHECK(handed({anything(), met(folded(kSums), 1)}) == "1: 0");
  CHECK(handed({met(anything(), 1), met(anything(), 2), folded(kSums)}) == "2: 0");
  CHECK(handed({met(folded(kSums), 1), folded(kMore)}) == "1: 0, 1");
  CHECK(handed({met(folded(kNever), 1)}).empty());
}

TEST_CASE("a meeting on each way to the fold hands over") {
  CHECK(handed({met(anything(), 1), either({met(anything(), 2)}, {}), folded(kSums)}) ==
        "1: 0; 2: 0");
  CHECK(handed({met(anything(), 1), turns_of({folded(kSums), met(anything(), 2)})}) ==
        "1: 0; 2: 0");
  CHECK(handed({turns_of({met(anything(), 1), anything(), met(folded(kSums), 2)})}) == "2: 0");
}

TEST_CASE("a function's callers hand over what it folds before it meets") {
  const Node call{Call{0, {}, {}}};
  CHECK(handed({met(call, 1)}, {{folded(kSums), met(folded(kMore), 2)}}) == "1: 0; 2: 1");
  CHECK(handed({met(anything(), 1), call, folded(kSums)}, {{met(anything(), 2)}}) == "2: 0");
  CHECK(handed({met(anything(), 1), call, folded(kSums)}, {{anything()}}) == "1: 0");
}

}  // namespace nodec
