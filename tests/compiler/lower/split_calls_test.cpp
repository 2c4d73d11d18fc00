// What leaves an out-of-line function, what stays, and when a call is no function at all.
#include "compiler/lower/split_calls.h"

#include <doctest/doctest.h>

#include "tests/compiler/programs.h"

namespace nodec {
namespace {

std::string split(const std::string& text) {
  const auto graph = testing::program(text);
  lowering::split_calls(*graph);
  return testing::body_text(*graph);
}

}  // namespace

TEST_CASE("uniform work leaves a call before it, sums over the batch after it") {
  CHECK(split(R"(graph f batch B (%u: f32[2, B], %p: f32[2]) {
  %y, %g = call %u, %p region (%v: f32[2, B], %q: f32[2]) {
    %twice = add %q, %q
    %wide = broadcast %twice {dims = [0], shape = <2, B>}
    %w = mul %v, %wide
    %vw = mul %v, %w
    %sum = sum %vw {axes = [1]}
    %half = neg %sum
    yield %w, %half
  }
  yield %y, %g
})") == R"(  %twice = add %p, %p : f32[2]
  %0, %1 = call %u, %p, %twice region (%v: f32[2, B], %q: f32[2], %twice: f32[2]) {
    %wide = broadcast %twice {dims = [0], shape = <2, B>} : f32[2, B]
    %w = mul %v, %wide : f32[2, B]
    %vw = mul %v, %w : f32[2, B]
    yield %w, %vw
  } : f32[2, B], f32[2, B]
  %sum = sum %1 {axes = [1]} : f32[2]
  %half = neg %sum : f32[2]
  yield %0, %half
)");
}

TEST_CASE("a call whose samples meet, or that has none, is written in place") {
  CHECK(split(R"(graph f batch B (%u: f32[2, B]) {
  %y = call %u region (%v: f32[2, B]) {
    %sum = sum %v {axes = [1]}
    %wide = broadcast %sum {dims = [0], shape = <2, B>}
    %w = sub %v, %wide
    yield %w
  }
  yield %y
})") == R"(  %sum = sum %u {axes = [1]} : f32[2]
  %wide = broadcast %sum {dims = [0], shape = <2, B>} : f32[2, B]
  %w = sub %u, %wide : f32[2, B]
  yield %w
)");
  CHECK(split(R"(graph f batch B (%u: f32[2]) {
  %y = call %u region (%v: f32[2]) {
    %w = neg %v
    yield %w
  }
  yield %y
})") == R"(  %w = neg %u : f32[2]
  yield %w
)");
}

TEST_CASE("a call that is left only to stop the program is written in place") {
  CHECK(split(R"(graph f batch B (%s: i32[], %t: f32[]) {
  call %s, %t region (%r: i32[], %v: f32[]) {
    fail_if %r, %v, %v, %r, %r
    yield
  }
  yield %t
})") == R"(  fail_if %s, %t, %t, %s, %s
  yield %t
)");
}

TEST_CASE("work that no carry enters leaves a loop") {
  CHECK(split(R"(graph f batch B (%n: f32[], %p: f32[2]) {
  %r = while %n, %p {carried = 1} region (%x: f32[], %q: f32[2]) {
    %limit = constant {dtype = f32, shape = <>, value = 1.0}
    %go = lt %x, %limit
    yield %go
  } region (%x: f32[], %q: f32[2]) {
    %s = sum %q {axes = [0]}
    %y = add %x, %s
    yield %y
  }
  yield %r
})") == R"(  %s = sum %p {axes = [0]} : f32[]
  %r = while %n, %p, %s {carried = 1} region (%x: f32[], %q: f32[2], %s: f32[]) {
    %limit = constant {dtype = f32, shape = <>, value = 1.0} : f32[]
    %go = lt %x, %limit : bool[]
    yield %go
  } region (%x: f32[], %q: f32[2], %s: f32[]) {
    %y = add %x, %s : f32[]
    yield %y
  } : f32[]
  yield %r
)");
}

}  // namespace nodec
