// unbox: variables become values, whatever region stores to them.
#include "compiler/passes/unbox.h"

#include <doctest/doctest.h>

#include "ir/print.h"
#include "ir/verify.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

// The text after unbox; the program must still compute the same.
std::string unboxed(const std::string& text) {
  const std::unique_ptr<Graph> graph = program(text);
  const std::vector<Array> args = draw_arguments(graph->body, 1);
  const std::vector<Array> before = interpreted(graph->body, args);
  unbox(*graph);
  verify(*graph, "unbox");
  CHECK(distance(interpreted(graph->body, args), before) == 0);
  return body_text(*graph);
}

TEST_CASE("a box nobody captures is the value last stored") {
  CHECK(unboxed(R"(graph g (%x: f32[3]) {
  %box = box.new %x
  %a = box.load %box
  %e = exp %a
  box.store %box, %e
  %b = box.load %box
  yield %a, %b
})") == R"(  %e = exp %x : f32[3]
  yield %x, %e
)");
}

TEST_CASE("a box captured by a call becomes an argument and, where it is stored to, a result") {
  CHECK(unboxed(R"(graph g (%x: f32[3], %y: f32[3]) {
  %st = box.new %x
  %rate = box.new %y
  %a = call %x, %st, %rate region (%u: f32[3], %s: box<f32[3]>, %r: box<f32[3]>) {
    %old = box.load %s
    %k = box.load %r
    %new = mul %old, %k
    box.store %s, %new
    %z = add %u, %old
    yield %z
  }
  %b = box.load %st
  yield %a, %b
})") == R"(  %a, %st = call %x, %x, %y region (%u: f32[3], %s: f32[3], %r: f32[3]) {
    %new = mul %s, %r : f32[3]
    %z = add %u, %s : f32[3]
    yield %z, %new
  } : f32[3], f32[3]
  yield %a, %st
)");
}

TEST_CASE("both branches of a cond give a stored box's content") {
  CHECK(unboxed(R"(graph g (%p: bool[], %x: f32[]) {
  %st = box.new %x
  cond %p, %st region (%s: box<f32[]>) {
    %old = box.load %s
    %new = neg %old
    box.store %s, %new
    yield
  } region (%s: box<f32[]>) {
    yield
  }
  %b = box.load %st
  yield %b
})") == R"(  %st = cond %p, %x region (%s: f32[]) {
    %new = neg %s : f32[]
    yield %new
  } region (%s: f32[]) {
    yield %s
  } : f32[]
  yield %st
)");
}

TEST_CASE("a box stored to in a loop is carried") {
  CHECK(unboxed(R"(graph g (%n: i32[], %x: f32[], %k: f32[]) {
  %st = box.new %x
  %i = while %n, %k, %st {carried = 1} region (%a: i32[], %c: f32[], %s: box<f32[]>) {
    %zero = constant {dtype = i32, shape = <>, value = 0}
    %go = gt %a, %zero
    yield %go
  } region (%a: i32[], %c: f32[], %s: box<f32[]>) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %less = sub %a, %one
    %old = box.load %s
    %new = mul %old, %c
    box.store %s, %new
    yield %less
  }
  %b = box.load %st
  yield %b
})") == R"(  %i, %st = while %n, %x, %k {carried = 2} region (%a: i32[], %s: f32[], %c: f32[]) {
    %zero = constant {dtype = i32, shape = <>, value = 0} : i32[]
    %go = gt %a, %zero : bool[]
    yield %go
  } region (%a: i32[], %s: f32[], %c: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1} : i32[]
    %less = sub %a, %one : i32[]
    %new = mul %s, %c : f32[]
    yield %less, %new
  } : i32[], f32[]
  yield %st
)");
}

const std::string solve_head = R"(graph g (%u0: f64[2], %x: f64[2], %y: f64[]) {
  %t0 = constant {dtype = f64, shape = <>, value = 0.0}
  %t1 = constant {dtype = f64, shape = <>, value = 1.0}
  %tol = constant {dtype = f64, shape = <>, value = 0.001}
  %n = constant {dtype = i32, shape = <>, value = 100}
)";

TEST_CASE(
    "a box stored to in a solve's dynamics is a cell; the leaves of a record are cells each") {
  const std::string text = unboxed(solve_head + R"(
  %first = record %x, %y {names = "scale,count"}
  %st = box.new %first
  %u1, %status, %t, %dt, %acc, %rej, %evals = solve %t0, %t1, %tol, %tol, %t0, %n, %u0, %x, %st {adjoint = "discrete", controller = "pi", method = "tsit5", states = 1} region (%s: f64[], %u: f64[2], %w: f64[2], %b: box<{scale: f64[2], count: f64[]}>) {
    %du = mul %u, %w
    %doubled = add %w, %w
    %next = record %doubled, %s {names = "scale,count"}
    box.store %b, %next
    yield %du
  }
  %last = box.load %st
  %scale = field %last {name = "scale"}
  yield %u1, %scale
})");
  CHECK(text.find("solve %t0, %t1, %tol, %tol, %t0, %n, %u0, %x, %y, %x") != std::string::npos);
  CHECK(text.find("cells = 2") != std::string::npos);
  CHECK(text.find(
            "%u: f64[2],\n      %b.scale: f64[2],\n      %b.count: f64[],\n      %w: f64[2])") !=
        std::string::npos);
  CHECK(text.find("yield %du, %doubled, %s") != std::string::npos);
  CHECK(text.find("yield %u1, %st.scale") != std::string::npos);
  CHECK(text.find("record") == std::string::npos);
}

TEST_CASE("an empty record is nothing, and its cell vanishes") {
  const std::string text = unboxed(solve_head + R"(
  %first = record {names = ""}
  %st = box.new %first
  %u1, %status, %t, %dt, %acc, %rej, %evals = solve %t0, %t1, %tol, %tol, %t0, %n, %u0, %st {adjoint = "discrete", controller = "pi", method = "tsit5", states = 1} region (%s: f64[], %u: f64[2], %b: box<{}>) {
    %old = box.load %b
    box.store %b, %old
    yield %u
  }
  yield %u1
})");
  CHECK(text.find("solve %t0, %t1, %tol, %tol, %t0, %n, %u0 {") != std::string::npos);
  CHECK(text.find("cells = 0") != std::string::npos);
}

TEST_CASE("records pass through regions as their leaves") {
  CHECK(unboxed(R"(graph g (%x: f32[3], %y: f32[]) {
  %r = record %x, %y {names = "a,b"}
  %q = call %r region (%p: {a: f32[3], b: f32[]}) {
    %a = field %p {name = "a"}
    %b = field %p {name = "b"}
    %e = exp %b
    %t = tuple %a, %e
    yield %t
  }
  %z = element %q {index = 1}
  yield %z
})") == R"(  %q.0, %q.1 = call %x, %y region (%p.a: f32[3], %p.b: f32[]) {
    %e = exp %p.b : f32[]
    yield %p.a, %e
  } : f32[3], f32[]
  yield %q.1
)");
}

TEST_CASE("a program's record inputs and outputs become their leaves, by name") {
  const std::unique_ptr<Graph> graph = program(R"(graph g (%i: i32[], %ps: {w: f32[3], b: f32[]}) {
  %w = field %ps {name = "w"}
  %b = field %ps {name = "b"}
  %n = neg %w
  %r = record %n, %b {names = "w,b"}
  yield %r
})");
  graph->result_names = {"ps"};
  graph->aliases = {1};
  unbox(*graph);
  verify(*graph, "unbox");
  CHECK(graph->result_names == std::vector<std::string>{"ps.w", "ps.b"});
  CHECK(graph->aliases == std::vector<int>{1, 2});
  CHECK(graph->body.arg(1)->name == "ps.w");
}

}  // namespace
}  // namespace nodec
