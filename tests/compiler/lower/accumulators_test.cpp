// Which carries of loops collect batch sums in slots, what they become in the plan, and that all
// others still compute the same.
#include "compiler/lower/accumulators.h"

#include "compiler/lower/sink_sums.h"
#include "ir/print.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

// A loop of three turns over samples %x; `body` makes %next (the accumulator's next value, of type
// f32[3, 4]) from %acc, the samples %y: f32[3, B] and %z: f32[4, B], and scalars %n and %c.
std::string loop(const std::string& body, const std::string& start = "0.0") {
  return R"(graph f batch B (%x: f32[3, B], %z0: f32[4, B], %c0: f32[]) {
  %n0 = constant {dtype = i32, shape = <>, value = 0}
  %acc0 = constant {dtype = f32, shape = <3, 4>, value = )" +
         start + R"(}
  %n1, %y1, %acc1 = while %n0, %x, %acc0, %z0, %c0 {carried = 3} region (%n: i32[], %y: f32[3, B], %acc: f32[3, 4], %z: f32[4, B], %c: f32[]) {
    %three = constant {dtype = i32, shape = <>, value = 3}
    %go = lt %n, %three
    yield %go
  } region (%n: i32[], %y: f32[3, B], %acc: f32[3, 4], %z: f32[4, B], %c: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %m = add %n, %one
    %h = tanh %y
)" + body +
         R"(
    yield %m, %h, %next
  }
  yield %acc1, %y1
})";
}

// Two terms, the second scaled.
const char* kChain = R"(
    %s = matmul %y, %z {ta = false, tb = true}
    %a = add %acc, %s
    %t = matmul %h, %z {ta = false, tb = true}
    %wide = broadcast %c {dims = [], shape = <3, 4>}
    %next = fma %wide, %t, %a)";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("a chain of batch sums is an accumulator, its terms in the order of the chain") {
  const auto graph = oracle::read(loop(kChain));
  const lowering::Accumulators sums(*graph);
  const Op& loop = *graph->body.ops[2];
  REQUIRE(loop.primitive == &while_p);
  CHECK(sums.of(loop, 0) == nullptr);
  CHECK(sums.of(loop, 1) == nullptr);
  const lowering::Accumulator* sum = sums.of(loop, 2);
  REQUIRE(sum != nullptr);
  REQUIRE(sum->terms.size() == 2);
  CHECK(sum->terms[0].sum->operands[0]->name == "y");
  CHECK(sum->terms[0].scale == nullptr);
  CHECK(sum->terms[1].sum->operands[0]->name == "h");
  CHECK(sum->terms[1].scale->name == "c");
  CHECK(sums.in(loop.region(1)).size() == 1);
  CHECK(sums.belongs(*sum->terms[1].sum));
}

TEST_CASE("an accumulator is one contraction into slots, folded once after the loop") {
  const std::string text = oracle::plan_text(loop(kChain));
  CHECK(count(text, "batch contract into") == 1);
  CHECK(text.find("[3 x 4], 2 terms in order") != std::string::npos);
  CHECK(count(text, "\n  fold ") == 1);
  CHECK(count(text, " fold ") == 1);  // none inside the loop
  const std::string how = dump(*oracle::read(loop(kChain)), "schedule");
  CHECK(count(how.substr(0, how.find("fold acc")), "meet:") == 1);
  CHECK(count(text, "\n    while") == 1);  // inside a phase: chunk by chunk
  oracle::expect_agreement(*oracle::read(loop(kChain)));
}

TEST_CASE("sums of batch sums are terms one by one") {
  const std::pair<const char*, std::string> chains[] = {{"as they are", R"(
    %s = matmul %y, %z {ta = false, tb = true}
    %t = matmul %h, %z {ta = false, tb = true}
    %g = tanh %h
    %u = matmul %g, %z {ta = false, tb = true}
    %st = add %s, %t
    %stu = add %st, %u
    %next = add %acc, %stu)"},
                                                        {"scaled", R"(
    %s = matmul %y, %z {ta = false, tb = true}
    %t = matmul %h, %z {ta = false, tb = true}
    %g = tanh %h
    %u = matmul %g, %z {ta = false, tb = true}
    %st = add %s, %t
    %a = add %u, %acc
    %wide = broadcast %c {dims = [], shape = <3, 4>}
    %next = fma %wide, %st, %a)"}};
  for (const auto& [how, body] : chains) {
    CAPTURE(how);
    const auto graph = oracle::read(loop(body));
    const lowering::Accumulators sums(*graph);
    const lowering::Accumulator* sum = sums.of(*graph->body.ops[2], 2);
    REQUIRE(sum != nullptr);
    CHECK(sum->terms.size() == 3);
    CHECK(count(oracle::plan_text(loop(body)), " fold ") == 1);
    oracle::expect_agreement(*graph);
  }
}

TEST_CASE("a sum over the batch that starts from a value, or from another one, is not lost") {
  const std::string sums[] = {
      R"(
    %s = matmul %y, %z {ta = false, tb = true}
    %t = matmul %h, %z, %s {ta = false, tb = true}
    %next = add %acc, %t)",
      R"(
    %s = matmul %y, %z {ta = false, tb = true}
    %t = matmul %h, %z {ta = false, tb = true}
    %both = add %s, %t
    %next = add %both, %acc)",
      R"(
    %s = matmul %y, %z {ta = false, tb = true}
    %t = matmul %h, %z, %s {ta = false, tb = true}
    %wide = broadcast %c {dims = [], shape = <3, 4>}
    %next = fma %wide, %t, %acc)"};
  for (const std::string& body : sums) {
    CAPTURE(body);
    oracle::expect_agreement(*oracle::read(loop(body)));
  }
  oracle::expect_agreement(
      *oracle::read(R"(graph f batch B (%c: f64[3, 4], %h: f64[3, B], %z: f64[4, B]) {
  %t = matmul %h, %z, %c {ta = false, tb = true}
  yield %t
})"));
}

TEST_CASE("a chain may pass through one branch of a cond") {
  const std::string text = loop(R"(
    %s = matmul %y, %z {ta = false, tb = true}
    %odd = eq %n, %one
    %next = cond %odd, %acc, %h, %z, %s region (%a: f32[3, 4], %u: f32[3, B], %v: f32[4, B], %w: f32[3, 4]) {
      %b = add %a, %w
      yield %b
    } region (%a: f32[3, 4], %u: f32[3, B], %v: f32[4, B], %w: f32[3, 4]) {
      yield %a
    })");
  const auto graph = oracle::read(text);
  lowering::sink_into_branches(*graph);
  const lowering::Accumulators sums(*graph);
  const lowering::Accumulator* sum = sums.of(*graph->body.ops[2], 2);
  REQUIRE(sum != nullptr);
  CHECK(sum->terms.size() == 1);
  CHECK(sum->terms[0].region->parent->primitive == &cond_p);
  oracle::expect_agreement(*oracle::read(text));
}

TEST_CASE("carries of other kinds are finished in every turn, and agree as well") {
  const std::pair<const char*, std::string> others[] = {
      {"it starts as one", loop(kChain, "1.0")},
      {"it is read on its way", loop(R"(
    %s = matmul %h, %z {ta = false, tb = true}
    %half = tanh %acc
    %a = add %acc, %s
    %next = add %a, %half)")},
      {"a sum is used twice", loop(R"(
    %s = matmul %h, %z {ta = false, tb = true}
    %a = add %acc, %s
    %next = add %a, %s)")},
      {"a sum of sums is used twice", loop(R"(
    %s = matmul %h, %z {ta = false, tb = true}
    %t = matmul %y, %z {ta = false, tb = true}
    %st = add %s, %t
    %a = add %acc, %st
    %next = add %a, %st)")},
      {"it is subtracted from", loop(R"(
    %s = matmul %h, %z {ta = false, tb = true}
    %next = sub %acc, %s)")},
      {"its scale is not a scalar", loop(R"(
    %s = matmul %h, %z {ta = false, tb = true}
    %next = fma %s, %s, %acc)")},
  };
  for (const auto& [reason, text] : others) {
    CAPTURE(reason);
    const auto graph = oracle::read(text);
    CHECK(lowering::Accumulators(*graph).of(*graph->body.ops[2], 2) == nullptr);
    oracle::expect_agreement(*graph);
  }
}

TEST_CASE("a sum that only one branch uses moves into that branch") {
  const auto graph = oracle::read(R"(graph f batch B (%p: bool[], %x: f32[3, B], %a: f32[3]) {
  %s = sum %x {axes = [1]}
  %r = cond %p, %a, %s region (%b: f32[3], %t: f32[3]) {
    %c = add %b, %t
    yield %c
  } region (%b: f32[3], %t: f32[3]) {
    yield %b
  }
  yield %r
})");
  lowering::sink_into_branches(*graph);
  CHECK(print(*graph) == R"(graph f batch B (%p: bool[], %x: f32[3, B], %a: f32[3]) {
  %r = cond %p, %a, %x region (%b: f32[3], %x: f32[3, B]) {
    %s = sum %x {axes = [1]} : f32[3]
    %c = add %b, %s : f32[3]
    yield %c
  } region (%b: f32[3], %x: f32[3, B]) {
    yield %b
  } : f32[3]
  yield %r
}
)");
}

}  // namespace nodec
