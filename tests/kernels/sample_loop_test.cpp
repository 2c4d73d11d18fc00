// Loops per sample are known by their form, and ops that are about several samples by theirs.
#include "kernels/sample_loop.h"

#include <doctest/doctest.h>

#include "ir/parse.h"
#include "kernels/catalogue.h"

using namespace nodec;

namespace {

// A loop whose body yields `next` and `on` of %x, %on and %y, which it makes of %x.
std::string loop_with(const std::string& next, const std::string& on) {
  return R"(graph g batch B (%x: f64[3, B], %on: bool[B]) {
  %end, %still = while %x, %on {carried = 2} region (%x: f64[3, B], %on: bool[B]) {
    %0 = constant {dtype = i32, shape = <>, value = 0}
    %n = cast %on {to = i32}
    %most = max_over %n {axes = [0]}
    %any = gt %most, %0
    yield %any
  } region (%x: f64[3, B], %on: bool[B]) {
    %y = mul %x, %x
    %big = max_over %y {axes = [0]}
    %one = constant {dtype = f64, shape = <B>, value = 1.0}
    %more = gt %big, %one
    %all = broadcast %on {dims = [1], shape = <3, B>}
    %kept = select %all, %y, %x
    %lost = select %all, %x, %y
    %both = logical_and %more, %on
    yield %)" +
         next + ", %" + on + "\n  }\n  yield %end\n}";
}

std::optional<std::size_t> known(const std::string& text) {
  const auto graph = parse(text, find_primitive);
  return carry_of_samples(*graph->body.ops.back());
}

std::string meeting(const std::string& ops) {
  const auto graph = parse(
      "graph g batch B (%x: f64[3, B], %t: f64[3, 4], %i: i32[B]) {\n" + ops + "\n  yield %x\n}",
      find_primitive);
  const Op* found = first_meeting(graph->body, "B");
  return found == nullptr ? "none" : std::string(found->name());
}

}  // namespace

TEST_CASE("a loop per sample keeps every carry where its sample does not go on") {
  CHECK(known(loop_with("kept", "both")) == 1);
  CHECK(known(loop_with("x", "both")) == 1);
  CHECK_FALSE(known(loop_with("y", "both")));
  CHECK_FALSE(known(loop_with("lost", "both")));
  CHECK_FALSE(known(loop_with("kept", "more")));
}

TEST_CASE("an op is about several samples by what its operands and results are") {
  CHECK(meeting("  %y = mul %x, %x\n  %s = sum %y {axes = [0]}") == "none");
  CHECK(meeting("  %y = matmul %t, %x {ta = true, tb = false}") == "none");
  CHECK(meeting("  %y = transpose %x {perm = [1, 0]}\n  %s = sum %y {axes = [1]}") == "none");
  CHECK(meeting("  %y = sum %t {axes = [0, 1]}") == "none");
  CHECK(meeting("  %y = sum %x {axes = [1]}") == "sum");
  CHECK(meeting("  %y = softmax %x {axis = 1}") == "softmax");
  CHECK(meeting("  %y = softmax %x {axis = 0}") == "none");
  CHECK(meeting("  %y = matmul %x, %x {ta = false, tb = true}") == "matmul");
  CHECK(meeting("  %y = matmul %x, %x {ta = true, tb = false}") == "matmul");
  CHECK(meeting("  %y = concat %x, %x {axis = 1}") == "concat");
  CHECK(meeting("  %y = concat %x, %x {axis = 0}") == "none");
  CHECK(meeting("  %y = reshape %x {shape = <B, 3>}") == "reshape");
  CHECK(meeting("  %y = reshape %x {shape = <1, 3, B>}") == "none");
  CHECK(meeting("  %y = transpose %x {perm = [1, 0]}\n"
                "  %z = constant {dtype = i32, shape = <2>, value = 0}\n  %r = gather %y, %z") ==
        "gather");
  CHECK(meeting("  %y = gather %t, %i") == "none");
}
