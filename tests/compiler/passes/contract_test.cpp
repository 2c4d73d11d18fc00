// contract and expand: which products are fused, and that composite ops go.
#include "compiler/passes/contract.h"

#include <doctest/doctest.h>

#include "compiler/passes/expand.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

std::string contracted(const std::string& text) {
  const std::unique_ptr<Graph> graph = program(text);
  contract(*graph);
  verify(*graph, "contract");
  return body_text(*graph);
}

TEST_CASE("sums and differences of products are fused, everywhere in the program") {
  CHECK(contracted(R"(graph g (%a: f32[3], %b: f32[3], %c: f32[3]) {
  %p = mul %a, %b
  %s = add %c, %p
  %q = mul %a, %s
  %t = sub %q, %c
  %r = call %t, %a, %b region (%x: f32[3], %u: f32[3], %v: f32[3]) {
    %p = mul %u, %v
    %y = sub %x, %p
    yield %y
  }
  yield %r
})") == R"(  %s = fma %a, %b, %c : f32[3]
  %0 = neg %c : f32[3]
  %t = fma %a, %s, %0 : f32[3]
  %r = call %t, %a, %b region (%x: f32[3], %u: f32[3], %v: f32[3]) {
    %0 = neg %u : f32[3]
    %y = fma %0, %v, %x : f32[3]
    yield %y
  } : f32[3]
  yield %r
)");
}

TEST_CASE("a product that absorbs is not fused") {
  const std::string text = R"(graph g (%a: f32[3], %b: f32[3], %c: f32[3]) {
  %p = strong_mul %a, %b
  %s = add %c, %p
  %q = strong_mul %s, %b
  %t = sub %q, %c
  yield %t
})";
  CHECK(contracted(text) == body_text(*program(text)));
}

TEST_CASE("of two products the first is fused") {
  CHECK(contracted(R"(graph g (%a: f32[3], %b: f32[3]) {
  %p = mul %a, %a
  %q = mul %b, %b
  %s = add %p, %q
  yield %s
})") == R"(  %q = mul %b, %b : f32[3]
  %s = fma %a, %a, %q : f32[3]
  yield %s
)");
}

TEST_CASE("a product used elsewhere, or of integers, stays") {
  const std::string shared = R"(graph g (%a: f32[3], %b: f32[3]) {
  %p = mul %a, %b
  %s = add %p, %a
  yield %s, %p
})";
  CHECK(contracted(shared) == body_text(*program(shared)));
  const std::string integers = R"(graph g (%a: i32[3], %b: i32[3]) {
  %p = mul %a, %b
  %s = add %p, %a
  yield %s
})";
  CHECK(contracted(integers) == body_text(*program(integers)));
}

TEST_CASE("a bias starts the chains of its matmul, and a matmul goes before a multiplication") {
  CHECK(contracted(R"(graph g batch B (%w: f32[2, 3], %x: f32[3, B], %c: f32[2, B]) {
  %h = matmul %w, %x {ta = false, tb = false}
  %p = mul %c, %c
  %y = add %p, %h
  yield %y
})") == R"(  %p = mul %c, %c : f32[2, B]
  %y = matmul %w, %x, %p {ta = false, tb = false} : f32[2, B]
  yield %y
)");
}

TEST_CASE("a matmul over the batch takes no start") {
  const std::string text = R"(graph g batch B (%d: f32[2, B], %x: f32[3, B], %c: f32[2, 3]) {
  %h = matmul %d, %x {ta = false, tb = true}
  %y = add %h, %c
  yield %y
})";
  CHECK(contracted(text) == body_text(*program(text)));
}

bool is_plain(const Region& region) {
  for (const auto& op : region.ops) {
    if (op->primitive->expand != nullptr || op->primitive->form == Form::Rewrite) return false;
    for (const auto& nested : op->regions) {
      if (!is_plain(*nested)) return false;
    }
  }
  return true;
}

TEST_CASE("every op that has an expansion is gone after expand, inside calls too") {
  const std::unique_ptr<Graph> graph = program(R"(graph g batch B (%x: f64[4, B], %i: i32[B]) {
  %l = call %x, %i region (%z: f64[4, B], %j: i32[B]) {
    %p = log_softmax %z {axis = 0}
    %t = one_hot %j {depth = 4, dtype = f64}
    %m = mul %p, %t
    %n = mean %m {axes = [0, 1]}
    yield %n
  }
  yield %l
})");
  const std::vector<Array> args = draw_arguments(graph->body, 1);
  const std::vector<Array> before = interpreted(graph->body, args);
  expand(*graph);
  verify(*graph, "expand");
  CHECK(is_plain(graph->body));
  CHECK(distance(interpreted(graph->body, args), before) < 1e-12);
}

}  // namespace
}  // namespace nodec
