// widen: the same program in f64.
#include "compiler/passes/widen.h"

#include <doctest/doctest.h>

#include "ir/error.h"
#include "ir/verify.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

std::string widened(const std::string& text) {
  const std::unique_ptr<Graph> graph = program(text);
  widen(*graph);
  verify(*graph, "widen");
  return body_text(*graph);
}

TEST_CASE("types, constants and casts become f64, in nested regions too; integers stay") {
  CHECK(widened(R"(graph g (%x: f32[3], %n: i32[]) {
  %a, %g, %h = call %x, %n region (%u: f32[3], %n: i32[]) {
    %one = constant {dtype = f32, shape = <>, value = 0.1}
    %m = cast %n {to = f32}
    %d = cast %m {to = f64}
    %f = cast %u {to = i32}
    %s = add %m, %one
    %b = broadcast %s {dims = [], shape = <3>}
    %v = mul %b, %u
    yield %v, %f, %d
  }
  yield %a
})") == R"(  %a, %g, %h = call %x, %n region (%u: f64[3], %n: i32[]) {
    %one = constant {dtype = f64, shape = <>, value = 0.1} : f64[]
    %m = cast %n {to = f64} : f64[]
    %d = cast %m {to = f64} : f64[]
    %f = cast %u {to = i32} : i32[3]
    %s = add %m, %one : f64[]
    %b = broadcast %s {dims = [], shape = <3>} : f64[3]
    %v = mul %b, %u : f64[3]
    yield %v, %f, %d
  } : f64[3], i32[3], f64[]
  yield %a
)");
}

TEST_CASE("random numbers are those of f32") {
  CHECK(widened(R"(graph g (%seed: i64[], %x: f32[3]) {
  %k = key %seed
  %r = random_uniform %k {dtype = f32, shape = <3>}
  %y = mul %x, %r
  yield %y
})") == R"(  %k = key %seed : key[]
  %0 = random_uniform %k {dtype = f32, shape = <3>} : f32[3]
  %r = cast %0 {to = f64} : f64[3]
  %y = mul %x, %r : f64[3]
  yield %y
)");
}

TEST_CASE("a cast that rounds to f32 is refused, with its line") {
  try {
    widened(R"(graph g (%x: f32[], %y: f64[]) {
  %same = cast %x {to = f32}
  %z = cast %y {to = f32} @ "model.cpp:7"
  yield %z, %same
})");
    FAIL("it is widened");
  } catch (const Error& error) {
    REQUIRE(error.notes().size() == 1);
    CHECK(error.notes()[0].where.line == 7);
  }
}

}  // namespace
}  // namespace nodec
