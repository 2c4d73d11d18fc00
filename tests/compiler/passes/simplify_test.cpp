// The simplifying passes: text before and after each, and the meaning of random programs kept.
#include "compiler/passes/simplify.h"

#include <doctest/doctest.h>

#include "compiler/passes/contract.h"
#include "compiler/passes/eliminate_common.h"
#include "compiler/passes/eliminate_dead.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/fold_constants.h"
#include "compiler/passes/forward_arguments.h"
#include "compiler/passes/rewrite_algebra.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/build.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

template <class Pass>
std::string after(Pass pass, const std::string& text) {
  const std::unique_ptr<Graph> graph = program(text);
  pass(*graph);
  verify(*graph, "the pass under test");
  return body_text(*graph);
}

void cleaned_algebra(Graph& graph) {
  while (rewrite_algebra(graph)) {
  }
  eliminate_dead(graph);
}

TEST_CASE("identities that keep every bit are applied") {
  CHECK(after(cleaned_algebra, R"(graph g (%x: f32[3]) {
  %one = constant {dtype = f32, shape = <3>, value = 1.0}
  %nothing = constant {dtype = f32, shape = <3>, value = -0.0}
  %a = mul %x, %one
  %b = add %nothing, %a
  %c = neg %b
  %d = neg %c
  %e = div %d, %one
  yield %e
})") == "  yield %x\n");
  CHECK(after(cleaned_algebra, R"(graph g (%x: f32[3], %y: f32[3]) {
  %minus = neg %y
  %a = add %x, %minus
  %b = sub %a, %minus
  yield %b
})") == "  %a = sub %x, %y : f32[3]\n  %b = add %a, %y : f32[3]\n  yield %b\n");
}

TEST_CASE("identities that would change a bit are not") {
  const std::string text = R"(graph g (%x: f32[3]) {
  %zero = constant {dtype = f32, shape = <3>, value = 0.0}
  %a = add %x, %zero
  %b = mul %a, %zero
  %c = sub %b, %b
  yield %c
})";
  CHECK(after(cleaned_algebra, text) == body_text(*program(text)));
}

TEST_CASE("a strong product is a plain one, or gone, where a known side leaves nothing to absorb") {
  CHECK(after(cleaned_algebra, R"(graph g (%x: f32[3]) {
  %two = constant {dtype = f32, shape = <3>, value = 2.0}
  %less = constant {dtype = f32, shape = <3>, value = -2.0}
  %none = constant {dtype = f32, shape = <3>, value = -0.0}
  %a = strong_mul %two, %x
  %b = strong_mul %a, %two
  %c = strong_mul %less, %b
  %d = strong_mul %none, %x
  yield %c, %d
})") == R"(  %two = constant {dtype = f32, shape = <3>, value = 2.0} : f32[3]
  %less = constant {dtype = f32, shape = <3>, value = -2.0} : f32[3]
  %none = constant {dtype = f32, shape = <3>, value = -0.0} : f32[3]
  %a = mul %two, %x : f32[3]
  %b = mul %a, %two : f32[3]
  %c = mul %less, %b : f32[3]
  yield %c, %none
)");
  const std::string kept = R"(graph g (%x: f32[3]) {
  %less = constant {dtype = f32, shape = <3>, value = -2.0}
  %zero = constant {dtype = f32, shape = <3>, value = 0.0}
  %a = strong_mul %x, %less
  %b = strong_mul %a, %zero
  yield %b
})";
  CHECK(after(cleaned_algebra, kept) == body_text(*program(kept)));
}

TEST_CASE("a known operand decides a logical op, or leaves it to the other") {
  CHECK(after(cleaned_algebra, R"(graph g (%p: bool[], %q: bool[]) {
  %yes = constant {dtype = bool, shape = <>, value = 1}
  %no = constant {dtype = bool, shape = <>, value = 0}
  %a = logical_and %p, %yes
  %b = logical_or %no, %q
  %c = logical_or %a, %yes
  yield %a, %b, %c
})") == "  %yes = constant {dtype = bool, shape = <>, value = 1} : bool[]\n  yield %p, %q, %yes\n");
}

TEST_CASE("an integer's zero is nothing, whatever its sign would be") {
  CHECK(after(cleaned_algebra, R"(graph g (%x: i32[3]) {
  %zero = constant {dtype = i32, shape = <3>, value = 0}
  %a = add %x, %zero
  yield %a
})") == "  yield %x\n");
}

TEST_CASE("a view of a view is one view, and views that change nothing go") {
  CHECK(after(cleaned_algebra, R"(graph g (%x: f32[2, 3]) {
  %a = reshape %x {shape = <6>}
  %b = reshape %a {shape = <2, 3>}
  %c = transpose %b {perm = [1, 0]}
  %d = transpose %c {perm = [1, 0]}
  %e = broadcast %d {dims = [1, 2], shape = <4, 2, 3>}
  %f = broadcast %e {dims = [1, 2, 3], shape = <5, 4, 2, 3>}
  yield %f
})") == R"(  %f = broadcast %x {dims = [2, 3], shape = <5, 4, 2, 3>} : f32[5, 4, 2, 3]
  yield %f
)");
}

TEST_CASE("a product takes its operands transposed") {
  CHECK(after(cleaned_algebra, R"(graph g (%a: f32[3, 2], %b: f32[3, 4]) {
  %t = transpose %a {perm = [1, 0]}
  %p = matmul %t, %b {ta = false, tb = false}
  yield %p
})") == "  %p = matmul %a, %b {ta = true, tb = false} : f32[2, 4]\n  yield %p\n");
}

void folded(Graph& graph) {
  while (fold_constants(graph)) {
  }
  eliminate_dead(graph);
}

TEST_CASE("arithmetic of constants is done in the program's dtype") {
  CHECK(after(folded, R"(graph g () {
  %a = constant {dtype = f32, shape = <>, value = 0.1}
  %b = constant {dtype = f32, shape = <>, value = 0.2}
  %c = add %a, %b
  %d = broadcast %c {dims = [], shape = <2>}
  yield %d
})") == "  %d = constant {dtype = f32, shape = <2>, value = 0.30000001192092896} : f32[2]\n  yield "
        "%d\n");
  CHECK(after(folded, R"(graph g () {
  %a = constant {dtype = i32, shape = <>, value = 2147483647}
  %b = constant {dtype = i32, shape = <>, value = 1}
  %c = add %a, %b
  %p = lt %c, %b
  yield %c, %p
})") == R"(  %c = constant {dtype = i32, shape = <>, value = -2147483648} : i32[]
  %p = constant {dtype = bool, shape = <>, value = 1} : bool[]
  yield %c, %p
)");
}

TEST_CASE("whatever is exact is folded, by its own evaluation") {
  CHECK(after(folded, R"(graph g () {
  %a = constant {dtype = f32, shape = <>, value = -2.5}
  %b = constant {dtype = i32, shape = <>, value = 12}
  %r = round %a
  %f = floor %a
  %m = min %r, %f
  %x = bit_xor %b, %b
  %z = sub %a, %a
  %q = div %z, %z
  %s = shift_left %b, %b
  yield %m, %x, %q, %s
})") == R"(  %b = constant {dtype = i32, shape = <>, value = 12} : i32[]
  %m = constant {dtype = f32, shape = <>, value = -3.0} : f32[]
  %x = constant {dtype = i32, shape = <>, value = 0} : i32[]
  %z = constant {dtype = f32, shape = <>, value = 0.0} : f32[]
  %q = div %z, %z : f32[]
  %s = shift_left %b, %b : i32[]
  yield %m, %x, %q, %s
)");
}

TEST_CASE("a known choice is made, a fixed size is a number, transcendentals wait") {
  CHECK(after(folded, R"(graph g batch B (%x: f32[], %y: f32[]) {
  %p = constant {dtype = bool, shape = <>, value = 1}
  %a = select %p, %x, %y
  %n = dim {size = <7>}
  %b = dim {size = <B>}
  %two = constant {dtype = f32, shape = <>, value = 2.0}
  %e = exp %two
  yield %a, %n, %b, %e
})") == R"(  %n = constant {dtype = i64, shape = <>, value = 7} : i64[]
  %b = dim {size = <B>} : i64[]
  %two = constant {dtype = f32, shape = <>, value = 2.0} : f32[]
  %e = exp %two : f32[]
  yield %x, %n, %b, %e
)");
}

TEST_CASE("a branch whose predicate is known stands in its place, with all it does") {
  CHECK(after(folded, R"(graph g (%x: f32[], %s: i32[]) {
  %no = constant {dtype = bool, shape = <>, value = 0}
  %a, %b = cond %no, %x, %s region (%u: f32[], %status: i32[]) {
    yield %u, %u
  } region (%u: f32[], %status: i32[]) {
    fail_if %status, %u, %u, %status, %status
    %e = exp %u
    yield %e, %u
  }
  yield %a, %b
})") == R"(  fail_if %s, %x, %x, %s, %s
  %e = exp %x : f32[]
  yield %e, %x
)");
}

void merged(Graph& graph) { eliminate_common(graph); }

TEST_CASE("equal ops are one, and equal calls too") {
  CHECK(after(merged, R"(graph g (%x: f32[3]) {
  %a = tanh %x
  %b = tanh %x
  %c = call %a region (%u: f32[3]) {
    %v = exp %u
    %w = exp %u
    %s = add %v, %w
    yield %s
  }
  %d = call %b region (%q: f32[3]) {
    %r = exp %q
    %s = add %r, %r
    yield %s
  }
  yield %c, %d
})") == R"(  %a = tanh %x : f32[3]
  %c = call %a region (%u: f32[3]) {
    %v = exp %u : f32[3]
    %s = add %v, %v : f32[3]
    yield %s
  } : f32[3]
  yield %c, %c
)");
}

TEST_CASE("constants are one when all of their attributes are equal") {
  CHECK(after(merged, R"(graph g () {
  %a = constant {dtype = f32, shape = <3>, value = 0.0}
  %b = constant {dtype = f32, shape = <3>, value = -0.0}
  %c = constant {dtype = f32, shape = <1>, value = 0.0}
  %d = constant {dtype = f32, shape = <2>, values = [1.0, 2.0]}
  %e = constant {dtype = f32, shape = <2>, values = [2.0, 1.0]}
  %f = constant {dtype = f32, shape = <3>, value = 0.0}
  %g = constant {dtype = f32, shape = <2>, values = [1.0, 2.0]}
  yield %a, %b, %c, %d, %e, %f, %g
})") == R"(  %a = constant {dtype = f32, shape = <3>, value = 0.0} : f32[3]
  %b = constant {dtype = f32, shape = <3>, value = -0.0} : f32[3]
  %c = constant {dtype = f32, shape = <1>, value = 0.0} : f32[1]
  %d = constant {dtype = f32, shape = <2>, values = [1.0, 2.0]} : f32[2]
  %e = constant {dtype = f32, shape = <2>, values = [2.0, 1.0]} : f32[2]
  yield %a, %b, %c, %d, %e, %a, %d
)");
}

TEST_CASE("each of many constants is kept once") {
  constexpr int kMany = 30000;
  Graph graph;
  Builder b(graph.body);
  for (int i = 0; i < 2 * kMany; ++i) {
    graph.body.results.push_back(scalar(b, Dtype::F64, i % kMany));
  }
  CHECK(eliminate_common(graph));
  CHECK(graph.body.ops.size() == kMany);
}

TEST_CASE("tapes keep their identity") {
  const std::string text = R"(graph g (%x: f32[3]) {
  %a = tape.new %x
  %b = tape.new %x
  yield %a, %b
})";
  CHECK(after(merged, text) == body_text(*program(text)));
}

void forwarded(Graph& graph) {
  while (forward_arguments(graph)) {
  }
  eliminate_dead(graph);
}

TEST_CASE("what a call passes on is used directly, and captures given twice enter once") {
  CHECK(after(forwarded, R"(graph g (%x: f32[3], %y: f32[3]) {
  %two = constant {dtype = f32, shape = <3>, value = 2.0}
  %a, %b = call %x, %y, %x, %two region (%u: f32[3], %v: f32[3], %w: f32[3], %t: f32[3]) {
    %p = mul %u, %w
    %q = mul %p, %t
    yield %q, %v
  }
  %c = add %a, %b
  yield %c
})") == R"(  %a = call %x region (%u: f32[3]) {
    %two = constant {dtype = f32, shape = <3>, value = 2.0} : f32[3]
    %p = mul %u, %u : f32[3]
    %q = mul %p, %two : f32[3]
    yield %q
  } : f32[3]
  %c = add %a, %y : f32[3]
  yield %c
)");
}

TEST_CASE("a carry that no turn changes is a capture") {
  CHECK(after(forwarded, R"(graph g (%n: i32[], %x: f32[], %k: f32[]) {
  %i, %r, %y = while %n, %k, %x {carried = 3} region (%a: i32[], %b: f32[], %c: f32[]) {
    %zero = constant {dtype = i32, shape = <>, value = 0}
    %go = gt %a, %zero
    yield %go
  } region (%a: i32[], %b: f32[], %c: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %less = sub %a, %one
    %d = mul %c, %b
    yield %less, %b, %d
  }
  yield %r, %y
})") == R"(  %i, %y = while %n, %x, %k {carried = 2} region (%a: i32[], %c: f32[], %b: f32[]) {
    %zero = constant {dtype = i32, shape = <>, value = 0} : i32[]
    %go = gt %a, %zero : bool[]
    yield %go
  } region (%a: i32[], %c: f32[], %b: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1} : i32[]
    %less = sub %a, %one : i32[]
    %d = mul %c, %b : f32[]
    yield %less, %d
  } : i32[], f32[]
  yield %k, %y
)");
}

TEST_CASE("carries that start equal and stay equal are one") {
  CHECK(after(forwarded, R"(graph g (%n: i32[], %x: f32[]) {
  %i, %u, %v = while %n, %x, %x {carried = 3} region (%a: i32[], %b: f32[], %c: f32[]) {
    %zero = constant {dtype = i32, shape = <>, value = 0}
    %go = gt %a, %zero
    yield %go
  } region (%a: i32[], %b: f32[], %c: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %less = sub %a, %one
    %s = sin %b
    %p = mul %b, %s
    %q = sin %c
    %r = mul %c, %q
    yield %less, %p, %r
  }
  %w = add %u, %v
  yield %w
})") == R"(  %i, %u = while %n, %x {carried = 2} region (%a: i32[], %b: f32[]) {
    %zero = constant {dtype = i32, shape = <>, value = 0} : i32[]
    %go = gt %a, %zero : bool[]
    yield %go
  } region (%a: i32[], %b: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1} : i32[]
    %less = sub %a, %one : i32[]
    %s = sin %b : f32[]
    %p = mul %b, %s : f32[]
    yield %less, %p
  } : i32[], f32[]
  %w = add %u, %u : f32[]
  yield %w
)");
}

void dropped(Graph& graph) { eliminate_dead(graph); }

TEST_CASE("carries that only feed each other go, with their captures") {
  CHECK(after(dropped, R"(graph g (%n: i32[], %x: f32[], %k: f32[]) {
  %i, %u, %v = while %n, %x, %x, %k {carried = 3} region (%a: i32[], %b: f32[], %c: f32[], %d: f32[]) {
    %zero = constant {dtype = i32, shape = <>, value = 0}
    %go = gt %a, %zero
    yield %go
  } region (%a: i32[], %b: f32[], %c: f32[], %d: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %less = sub %a, %one
    %e = mul %c, %d
    %f = add %b, %c
    yield %less, %e, %f
  }
  yield %i
})") == R"(  %i = while %n {carried = 1} region (%a: i32[]) {
    %zero = constant {dtype = i32, shape = <>, value = 0} : i32[]
    %go = gt %a, %zero : bool[]
    yield %go
  } region (%a: i32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1} : i32[]
    %less = sub %a, %one : i32[]
    yield %less
  } : i32[]
  yield %i
)");
}

TEST_CASE("unused results and arguments of calls and conds go") {
  CHECK(after(dropped, R"(graph g (%p: bool[], %x: f32[], %y: f32[]) {
  %a, %b = call %x, %y region (%u: f32[], %v: f32[]) {
    %e = exp %v
    yield %u, %e
  }
  %c, %d = cond %p, %a, %b region (%u: f32[], %v: f32[]) {
    yield %u, %v
  } region (%u: f32[], %v: f32[]) {
    %n = neg %u
    yield %n, %v
  }
  yield %c
})") == R"(  %a = call %x region (%u: f32[]) {
    yield %u
  } : f32[]
  %c = cond %p, %a region (%u: f32[]) {
    yield %u
  } region (%u: f32[]) {
    %n = neg %u : f32[]
    yield %n
  } : f32[]
  yield %c
)");
}

TEST_CASE("what stops the program stays, with all it looks at") {
  const std::string text = R"(graph g (%s: i32[], %t: f32[]) {
  %e = exp %t
  fail_if %s, %e, %t, %s, %s
  yield %t
})";
  CHECK(after(dropped, text) == body_text(*program(text)));
  std::string twice = text;
  twice.insert(twice.find("  fail_if"), "  fail_if %s, %e, %t, %s, %s\n");
  CHECK(after(merged, twice) == body_text(*program(text)));
}

TEST_CASE("simplify and expand keep the meaning of random programs") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const std::unique_ptr<Graph> graph = random_graph(seed);
    const std::vector<Array> args = draw_arguments(graph->body, seed);
    const std::vector<Array> before = interpreted(graph->body, args);
    const std::size_t ops = op_count(graph->body);
    simplify(*graph);
    verify(*graph, "simplify");
    CHECK(distance(interpreted(graph->body, args), before) == 0);
    CHECK(op_count(graph->body) <= ops);
    contract(*graph);
    verify(*graph, "contract");
    CHECK(distance(interpreted(graph->body, args), before) < 1e-9);
    expand(*graph);
    verify(*graph, "expand");
    CHECK(distance(interpreted(graph->body, args), before) < 1e-9);
  }
}

TEST_CASE("simplify is done when it says so") {
  for (std::uint64_t seed = 100; seed < 110; ++seed) {
    const std::unique_ptr<Graph> graph = random_graph(seed);
    simplify(*graph);
    const std::string once = print(*graph);
    simplify(*graph);
    CHECK(print(*graph) == once);
  }
}

}  // namespace
}  // namespace nodec
