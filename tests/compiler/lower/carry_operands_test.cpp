// Sums that a loop carries from turn to turn become the samples they are made of.
#include "compiler/lower/carry_operands.h"

#include "ir/print.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

// %q is renewed when the turn is accepted (`else_value` is kept otherwise).
std::string loop_carrying(const std::string& fresh, const std::string& kept) {
  return R"(graph f batch B (%x: f32[3, B]) {
  %n0 = constant {dtype = i32, shape = <>, value = 0}
  %total0 = constant {dtype = f32, shape = <>, value = 0.0}
  %q0 = sum %x {axes = [0, 1]}
  %n1, %u1, %q1, %total1 = while %n0, %x, %q0, %total0 {carried = 4} region (%n: i32[], %u: f32[3, B], %q: f32[], %total: f32[]) {
    %three = constant {dtype = i32, shape = <>, value = 3}
    %go = lt %n, %three
    yield %go
  } region (%n: i32[], %u: f32[3, B], %q: f32[], %total: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %m = add %n, %one
    %v = tanh %u
    %accepted = eq %n, %one
    %fresh = )" +
         fresh + R"(
    %next = select %accepted, %fresh, )" +
         kept + R"(
    %more = add %total, %q
    yield %m, %v, %next, %more
  }
  yield %total1, %q1
})";
}

const char* kSum = "sum %v {axes = [0, 1]}";

}  // namespace

TEST_CASE("a loop carries the samples of a sum, which is made where it is used") {
  const auto graph = oracle::read(loop_carrying(kSum, "%q"));
  lowering::carry_operands(*graph);
  CHECK(testing::body_text(*graph) ==
        R"(  %n0 = constant {dtype = i32, shape = <>, value = 0} : i32[]
  %total0 = constant {dtype = f32, shape = <>, value = 0.0} : f32[]
  %q0 = sum %x {axes = [0, 1]} : f32[]
  %0, %1, %2, %3 = while %n0, %x, %x, %total0 {carried = 4} region (
      %n: i32[],
      %u: f32[3, B],
      %v: f32[3, B],
      %total: f32[]) {
    %0 = sum %v {axes = [0, 1]} : f32[]
    %three = constant {dtype = i32, shape = <>, value = 3} : i32[]
    %go = lt %n, %three : bool[]
    yield %go
  } region (%n: i32[], %u: f32[3, B], %v: f32[3, B], %total: f32[]) {
    %0 = sum %v {axes = [0, 1]} : f32[]
    %one = constant {dtype = i32, shape = <>, value = 1} : i32[]
    %m = add %n, %one : i32[]
    %v#1 = tanh %u : f32[3, B]
    %accepted = eq %n, %one : bool[]
    %fresh = sum %v#1 {axes = [0, 1]} : f32[]
    %next = select %accepted, %fresh, %0 : f32[]
    %more = add %total, %0 : f32[]
    %1 = broadcast %accepted {dims = [], shape = <3, B>} : bool[3, B]
    %2 = select %1, %v#1, %v : f32[3, B]
    yield %m, %v#1, %2, %more
  } : i32[], f32[3, B], f32[3, B], f32[]
  %4 = sum %2 {axes = [0, 1]} : f32[]
  yield %3, %4
)");
  oracle::expect_agreement(*oracle::read(loop_carrying(kSum, "%q")));
}

TEST_CASE("a sum that is kept otherwise, or of another kind, stays") {
  for (const std::string& text :
       {loop_carrying(kSum, "%total"), loop_carrying("mean %v {axes = [0, 1]}", "%q"),
        loop_carrying("add %q, %q", "%q")}) {
    const auto graph = oracle::read(text);
    const std::string before = print(*graph);
    lowering::carry_operands(*graph);
    CHECK(print(*graph) == before);
    oracle::expect_agreement(*oracle::read(text));
  }
}

}  // namespace nodec
