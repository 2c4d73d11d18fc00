// Where the team must meet, on plans written by hand: buffers 0 (shared), 1 (by chunks),
// 4 and 5 two parts of a tape's frame, 6 the first of them in a frame found later, 7 each thread's
// own.
#include <doctest/doctest.h>

#include "compiler/schedule/schedule.h"
#include "ir/plan_visit.h"

namespace nodec {
namespace {

using namespace plan;

constexpr int kDense = 0, kLanes = 1, kSlots = 2, kOut = 3, kFirst = 4, kSecond = 5, kAgain = 6,
              kOwn = 7;

Plan plan_of(Nodes body) {
  Plan plan;
  plan.buffers.resize(8);
  for (Buffer& b : plan.buffers) b.count = Dim(20);
  plan.buffers[kOwn].space = Buffer::Space::Dense;
  plan.buffers[kDense].space = Buffer::Space::Dense;
  plan.buffers[kLanes].space = Buffer::Space::Lanes;
  plan.buffers[kSlots].space = Buffer::Space::Slots;
  plan.buffers[kOut].space = Buffer::Space::Dense;
  for (const int part : {kFirst, kSecond, kAgain}) {
    Buffer& b = plan.buffers[std::size_t(part)];
    b.space = Buffer::Space::FrameDense;
    b.tape = 0;
    b.part = part == kSecond ? 1 : 0;
  }
  plan.body = std::move(body);
  return plan;
}

// A phase that copies one buffer to another.
Node phase(int from, int to) {
  Map map{{1}, {}};
  map.computes.push_back({nullptr, {Ref{from, -1, {1}, 0}}, Ref{to, -1, {1}, 0}});
  Phase phase;
  phase.body.push_back({Tiles{{map}}});
  return {std::move(phase)};
}
Node dense(int from, int to, std::int64_t count = 1 << 20) {
  DenseMap map{{Dim(count)}, {}};
  map.computes.push_back({nullptr, {Ref{from, -1, {1}, 0}}, Ref{to, -1, {1}, 0}});
  return {DenseKernel{map}};
}
Node fold() { return {FoldSlots{kSlots, nullptr, Ref{kOut, -1, {1}, 0}}}; }
Node clear() {
  Phase phase;
  phase.body.push_back({ClearSlots{kSlots, nullptr}});
  return {std::move(phase)};
}

// One letter a node: p phase, d dense, f fold, w(...) while, i(...|...) if, | a meeting.
std::string shape(const Nodes& nodes, const std::map<int, std::string>& meetings) {
  std::string text;
  for (const Node& node : nodes) {
    if (meetings.contains(node.number)) text += "|";
    if (std::holds_alternative<Phase>(node.what)) text += "p";
    if (std::holds_alternative<DenseKernel>(node.what)) text += "d";
    if (std::holds_alternative<FoldSlots>(node.what)) text += "f";
    if (const auto* loop = std::get_if<While>(&node.what))
      text += "w(" + shape(loop->body, meetings) + ")";
    if (const auto* fork = std::get_if<If>(&node.what)) {
      text +=
          "i(" + shape(fork->then_body, meetings) + "," + shape(fork->else_body, meetings) + ")";
    }
  }
  return text;
}

void number(Nodes& nodes, int& next) {
  for (Node& node : nodes) {
    node.kernel = node.number = next++;
    for (Nodes* list : inside(node)) number(*list, next);
  }
}

std::string with_meetings(Nodes body) {
  int next = 0;
  number(body, next);
  const Plan plan = plan_of(std::move(body));
  return shape(plan.body, schedule(plan, {}).meetings);
}

Node loop(Nodes body) {
  While loop;
  loop.body = std::move(body);
  return {std::move(loop)};
}

}  // namespace

TEST_CASE("phases that hand samples on need no meeting: a chunk stays with its thread") {
  CHECK(with_meetings({phase(kLanes, kLanes), phase(kLanes, kLanes)}) == "pp");
}

TEST_CASE("what a phase shares is met for: sums, and tensors without a batch") {
  CHECK(with_meetings({phase(kLanes, kSlots), fold(), dense(kOut, kDense)}) == "p|f|d");
  CHECK(with_meetings({dense(kOut, kDense), phase(kDense, kLanes)}) == "d|p");
  CHECK(with_meetings({phase(kDense, kLanes), dense(kOut, kDense)}) ==
        "p|d");                                                                // read, then written
  CHECK(with_meetings({phase(kDense, kLanes), dense(kDense, kOut)}) == "pd");  // both read
}

TEST_CASE("one meeting serves all that went before") {
  CHECK(with_meetings({dense(kOut, kDense), phase(kLanes, kSlots), phase(kDense, kLanes),
                       fold()}) == "dp|pf");
}

TEST_CASE("small work is the first thread's where others see it, and its chains need no meeting") {
  CHECK(with_meetings({dense(kFirst, kDense), dense(kFirst, kOut), dense(kOut, kDense, 20),
                       dense(kDense, kOut, 20)}) == "dd|dd");
}

TEST_CASE("small work on what nothing else writes is every thread's") {
  CHECK(with_meetings({dense(kFirst, kOwn, 20), dense(kOwn, kOut, 20), dense(kOut, kDense)}) ==
        "ddd");
  CHECK(with_meetings({dense(kOut, kFirst), dense(kFirst, kOwn, 20), dense(kOwn, kSecond, 20)}) ==
        "d|dd");
  CHECK(with_meetings({loop({dense(kFirst, kOwn, 20), dense(kOwn, kSecond, 20)})}) == "w(dd)");
}

TEST_CASE("the team meets before a loop rather than in each turn") {
  CHECK(with_meetings({dense(kOut, kFirst), loop({dense(kAgain, kOwn, 20)})}) == "d|w(d)");
}

TEST_CASE("turns of a loop are kept apart") {
  CHECK(with_meetings({loop({phase(kLanes, kLanes)})}) == "w(p)");
  // The fold reads what the phase of the next turn overwrites.
  CHECK(with_meetings({loop({clear(), phase(kLanes, kSlots), fold()})}) == "w(|pp|f)");
}

// Taken twice for each level, this would not end.
TEST_CASE("loops in loops are walked as often as there are states to come from") {
  constexpr int kDepth = 40;
  const auto deep = [] {
    Nodes body;
    body.push_back(fold());
    for (int level = 0; level < kDepth; ++level) {
      Nodes next;
      next.push_back(clear());
      next.push_back(phase(kLanes, kSlots));
      next.push_back(loop(std::move(body)));
      body = std::move(next);
    }
    return body;
  };
  std::string wanted = "|f";
  for (int level = 0; level < kDepth; ++level) {
    wanted = (level + 1 == kDepth ? "pp" : "|pp") + ("w(" + wanted) + ")";
  }
  CHECK(with_meetings(deep()) == wanted);
  Nodes body = deep();
  int next = 0;
  number(body, next);
  Machine gpu;
  gpu.gpu = true;
  gpu.most_threads = 1024;
  CHECK(schedule(plan_of(std::move(body)), gpu).meetings.size() == kDepth);
}

TEST_CASE("parts of a frame are told apart, frames are not") {
  CHECK(with_meetings({dense(kOut, kFirst), dense(kOut, kSecond)}) == "dd");
  CHECK(with_meetings({dense(kOut, kFirst), dense(kFirst, kSecond)}) == "d|d");
  CHECK(with_meetings({dense(kOut, kFirst), dense(kOut, kSecond), phase(kAgain, kLanes)}) ==
        "dd|p");
}

TEST_CASE("either branch may have been taken") {
  If fork;
  fork.then_body.push_back(dense(kOut, kDense));
  Nodes body;
  body.push_back({std::move(fork)});
  body.push_back(phase(kDense, kLanes));
  CHECK(with_meetings(std::move(body)) == "i(d,)|p");
}

}  // namespace nodec
