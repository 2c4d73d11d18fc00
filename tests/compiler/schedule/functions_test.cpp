// What a schedule puts out of line, and which kernels share it.
#include "compiler/nodec.h"
#include "ir/float_mode.h"
#include "tests/compiler/oracle.h"

namespace nodec::oracle {
namespace {

std::string scheduled(const std::string& text) { return dump(*read(text), "schedule"); }

}  // namespace

TEST_CASE("sums over the batch of one kind and dtype share a function") {
  const std::string text = scheduled(R"(graph f batch B (%x: f32[3, B], %y: f64[3, B]) {
  %1 = sum %x {axes = [1]}
  %2 = sum %x {axes = [0, 1]}
  %3 = max_over %x {axes = [1]}
  %4 = sum %y {axes = [1]}
  yield %1, %2, %3, %4
})");
  CHECK(occurrences(text, "{team lanes; in fold_sum_f32}") == 2);
  CHECK(occurrences(text, "in fold_max_over_f32}") == 1);
  CHECK(occurrences(text, "in fold_sum_f64}") == 1);
}

TEST_CASE("products of one shape and layout share a function; one of a scalar has none") {
  const std::string text =
      scheduled(R"(graph f (%a: f32[30, 40], %b: f32[40, 50], %c: f32[50, 40]) {
  %1 = matmul %a, %b {ta = false, tb = false}
  %t = tanh %a
  %2 = matmul %t, %b {ta = false, tb = false}
  %3 = matmul %a, %c {ta = false, tb = true}
  %k = constant {dtype = f32, shape = <>, value = 0.5}
  %s = broadcast %k {dims = [], shape = <40, 50>}
  %4 = matmul %a, %s {ta = false, tb = false}
  yield %1, %2, %3, %4
})");
  CHECK(occurrences(text, "in product_30x40x50_f32__40_1__50_1__") == 2);
  CHECK(occurrences(text, "in product_30x40x50_f32__40_1__1_40__") == 1);
  CHECK(occurrences(text, "in product_") == 3);
}

TEST_CASE("terms of a large contraction that are alike share a function") {
  const std::string loop = R"(graph f batch B (%x: f32[70, B], %z: f32[60, B], %n: i32[]) {
  %g = tanh %x
  %h = tanh %z
  %g2 = sin %x
  %h2 = sin %z
  %acc0 = constant {dtype = f32, shape = <>, value = 0.0}
  %acc = broadcast %acc0 {dims = [], shape = <70, 60>}
  %n1, %sum = while %n, %acc, %g, %h, %g2, %h2 {carried = 2} region (%n: i32[], %acc: f32[70, 60], %g: f32[70, B], %h: f32[60, B], %g2: f32[70, B], %h2: f32[60, B]) {
    %zero = constant {dtype = i32, shape = <>, value = 0}
    %go = gt %n, %zero
    yield %go
  } region (%n: i32[], %acc: f32[70, 60], %g: f32[70, B], %h: f32[60, B], %g2: f32[70, B], %h2: f32[60, B]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %next = sub %n, %one
    %p = matmul %g, %h {ta = false, tb = true}
    %q = matmul %g2, %h2 {ta = false, tb = true}
    %s = add %acc, %p
    %s2 = add %s, %q
    yield %next, %s2
  }
  yield %sum
})";
  CHECK(occurrences(scheduled(loop), "in contract_70x60_f32_f32_1_") == 2);
}

}  // namespace nodec::oracle
