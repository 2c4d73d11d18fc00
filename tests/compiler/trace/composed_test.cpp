// Functions of several ops as users write them: axes from either end, numbers as operands, and the
// operators of bits.
#include <cmath>

#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::message;
using testing::number;
using testing::numbers;
using testing::run;

using Numbers = std::vector<double>;

// By its definition, along the first row.
double expansion(const Numbers& a, std::size_t n) {
  if (n == 0) return 1;
  double sum = 0;
  for (std::size_t j = 0; j < n; ++j) {
    Numbers minor;
    for (std::size_t k = n; k < n * n; ++k) {
      if (k % n != j) minor.push_back(a[k]);
    }
    sum += (j % 2 == 0 ? 1 : -1) * a[j] * expansion(minor, n - 1);
  }
  return sum;
}

// Linear in each element, a determinant has differences for derivatives.
double moved(Numbers a, std::size_t n, std::initializer_list<std::size_t> elements) {
  for (const std::size_t i : elements) ++a[i];
  return expansion(a, n);
}

TEST_CASE("parts, orders and scans count axes from either end") {
  Trace t("parts");
  const Var x = t.input("x", f32({2, 3})), at = t.input("at", i32());
  t.output("slice", dynamic_slice(x, at, -1, 2));
  t.output("update", dynamic_update(x, x * 10, 1, 1));
  t.output("sums", cumsum(x, -1));
  t.output("flipped", flip(x, -2));
  const Ordered up = sort(x), down = top_k(x, 1, 0);
  t.output("sorted", up.values);
  t.output("places", up.places);
  t.output("greatest", down.values);
  t.output("padded", pad(x, 1, 0, 1));
  const auto y =
      run(t.finish(), {Array::of({2, 3}, {3, 1, 2, 4, 6, 5}, Dtype::F32), number(1, Dtype::I32)});
  CHECK(y[0] == Numbers{1, 2, 6, 5});
  CHECK(y[1] == Numbers{3, 30, 10, 4, 40, 60});
  CHECK(y[2] == Numbers{3, 4, 6, 4, 10, 15});
  CHECK(y[3] == Numbers{4, 6, 5, 3, 1, 2});
  CHECK(y[4] == Numbers{1, 2, 3, 4, 5, 6});
  CHECK(y[5] == Numbers{1, 2, 0, 0, 2, 1});
  CHECK(y[6] == Numbers{4, 6, 5});
  CHECK(y[7] == Numbers{3, 1, 2, 0, 4, 6, 5, 0});
}

TEST_CASE("segments are summed, matrices solved, tensors contracted by letters") {
  Trace t("products");
  const Var x = t.input("x", f64({4})), ids = t.input("ids", i32({4})),
            a = t.input("a", f64({2, 2}));
  const Var b = slice(x, 0, 0, 2);
  t.output("segments", segment_sum(x, ids, 3));
  t.output("solved", linear_solve(a, matmul(a, b)) - b);
  t.output("determinant", determinant(a));
  t.output("traced", einsum("ij,ij->", a, a));
  t.output("gates", ceil(b) + round(b));
  const auto y =
      run(t.finish(), {numbers({1.25, 2.5, 4, 8}, Dtype::F64), numbers({2, 0, 2, 7}, Dtype::I32),
                       Array::of({2, 2}, {0, 2, 3, 4}, Dtype::F64)});
  CHECK(y[0] == Numbers{2.5, 0, 13.25});
  CHECK(y[1] == Numbers{0, 0});
  CHECK(y[2] == Numbers{-6});
  CHECK(y[3] == Numbers{29});
  CHECK(y[4] == Numbers{3, 5});
}

TEST_CASE("a determinant has a polynomial's derivatives, at singular matrices too") {
  const std::vector<Numbers> matrices{
      {3},
      {0},
      {0, 1, 0, 2},
      {0, 0, 0, 0},
      {0, 1, 2, 0, 3, 4, 0, 5, 7},
      {1, 2, 3, 2, 4, 7, 1, 2, 9},
      {0, 1, 0, 0, 0, 1, 0, 0, 0},
      Numbers(9, 0),
      {1, 2, 3, 4, 2, 4, 6, 8, 0, 1, 0, 3, 5, 2, 1, 1},    // rank 3
      {1, 2, 0, 4, 2, 4, 0, 8, 0, 1, 0, 3, 1, 3, 0, 7},    // rank 2
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0},    // rank 1
      {2, -1, 0, 3, 1, 5, -2, 0, 4, 1, 1, 1, 0, 2, 6, 1},  // regular
      {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0, 0},
  };
  for (const Numbers& a : matrices) {
    const auto n = std::size_t(std::lround(std::sqrt(double(a.size()))));
    CAPTURE(n);
    Trace t("determinant");
    const Var m = t.input("m", f64({std::int64_t(n), std::int64_t(n)}));
    const auto of = [](const Var& x) { return determinant(x); };
    t.output("value", of(m));
    t.output("gradient", grad(of, m));
    t.output("hessian", hessian(of, m));
    const std::int64_t side = std::int64_t(n);
    const std::vector<Array> inputs{Array::of({side, side}, a, Dtype::F64)},
        y = interpret(*run_until(*t.finish().graph, "differentiate"), inputs);
    const double value = expansion(a, n);
    CHECK(y[0].real(0) == doctest::Approx(value));
    for (std::size_t i = 0; i < a.size(); ++i) {
      CAPTURE(i);
      CHECK(y[1].real(std::int64_t(i)) == doctest::Approx(moved(a, n, {i}) - value));
      for (std::size_t j = 0; j < a.size(); ++j) {
        const double second =
            i == j ? 0 : moved(a, n, {i, j}) - moved(a, n, {i}) - moved(a, n, {j}) + value;
        CHECK(y[2].real(std::int64_t(i * a.size() + j)) == doctest::Approx(second));
      }
    }
  }
}

TEST_CASE("a vector meets each matrix of a stack, from either side") {
  Trace t("stack");
  const Var a = t.input("a", f64({2, 2, 3})), x = t.input("x", f64({3})),
            y = t.input("y", f64({2}));
  t.output("column", matmul(a, x));
  t.output("row", matmul(y, a));
  t.output("turned", matmul(a, y, {.a = true}));
  const auto out =
      run(t.finish(), {Array::of({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, Dtype::F64),
                       numbers({1, 0, 2}, Dtype::F64), numbers({1, -1}, Dtype::F64)});
  CHECK(out[0] == Numbers{7, 16, 25, 34});
  CHECK(out[1] == Numbers{-3, -3, -3, -3, -3, -3});
  CHECK(out[2] == out[1]);
}

TEST_CASE("integers divide towards zero, and by zero there is nothing to divide") {
  Trace t("quotients");
  const Var x = t.input("x", i32({6})), y = t.input("y", i32({6}));
  t.output("quotient", x / y);
  t.output("remainder", x % y);
  t.output("halves", x / 2);
  const auto out = run(t.finish(), {numbers({7, -7, 7, -7, 5, -2147483648.0}, Dtype::I32),
                                    numbers({2, 2, -2, -2, 0, -1}, Dtype::I32)});
  CHECK(out[0] == Numbers{3, -3, -3, 3, 0, -2147483648.0});
  CHECK(out[1] == Numbers{1, -1, 1, -1, 5, 0});
  CHECK(out[2] == Numbers{3, -3, 3, -3, 2, -1073741824});
  const std::string of_floats = message([&] {
    Trace floats("floats");
    const Var z = floats.input("z", f32());
    return z % z;
  });
  CHECK(of_floats.find("'rem' wants i32 or i64, got f32") != std::string::npos);
}

TEST_CASE("integers have the operators of bits, truth values those that are not shifts") {
  Trace t("bits");
  const Var x = t.input("x", i32({3})), p = t.input("p", Type::tensor(Dtype::Bool, {2}));
  t.output("and", x & 6);
  t.output("or", x | 1);
  t.output("xor", x ^ x);
  t.output("not", ~x);
  t.output("left", x << 2);
  t.output("right", x >> 1);
  t.output("logical", shift_right_logical(x, 28));
  t.output("differs", cast<std::int32_t>(p ^ !p));
  t.output("flipped", cast<std::int32_t>(~p));
  const auto y = run(t.finish(), {numbers({5, -8, 12}, Dtype::I32), numbers({1, 0}, Dtype::Bool)});
  CHECK(y[0] == Numbers{4, 0, 4});
  CHECK(y[1] == Numbers{5, -7, 13});
  CHECK(y[2] == Numbers{0, 0, 0});
  CHECK(y[3] == Numbers{-6, 7, -13});
  CHECK(y[4] == Numbers{20, -32, 48});
  CHECK(y[5] == Numbers{2, -4, 6});
  CHECK(y[6] == Numbers{0, 15, 0});
  CHECK(y[7] == Numbers{1, 1});
  CHECK(y[8] == Numbers{0, 1});
}

TEST_CASE("what they cannot do is told at the line") {
  Trace t("refused");
  const Var x = t.input("x", f32({2, 3}));
  const Var many = t.input("many", f32({"N", "N"}));
  // Which line a check of several lines is on, compilers differ about.
  const std::string no_axis = message([&] { cumsum(x, 2); }, __LINE__);
  CHECK(no_axis == R"(error: there is no axis 2 in f32[2, 3]
  --> line +0
  help: axes go from 0 to 1, or from -2 to -1)");
  const std::string unknown_size = message([&] { sort(many); }, __LINE__);
  CHECK(
      unknown_size ==
      R"(error: axis 1 of f32[N, N] is sorted beside, whose size is not known when the program is made
  --> line +0
  help: give that axis a size that is a number)");
  const std::string too_many = message([&] { dynamic_slice(x, 0, -1, 4); }, __LINE__);
  CHECK(too_many == R"(error: dynamic_slice takes 4 of the 3 along axis 1 of f32[2, 3]
  --> line +0
  help: take at most as many as there are)");
  CHECK(message([&] { polygamma(x, 9); }, __LINE__)
            .starts_with("error: 'polygamma' is the derivative of digamma number 1 to 8, got 9"));
  CHECK(message([&] { (void)(x & x); }, __LINE__)
            .starts_with("error: 'bit_and' wants i32, i64 or bool"));
  const Var bytes = t.input("bytes", u8({2}));
  CHECK(message([&] { (void)~bytes; }, __LINE__)
            .starts_with("error: 'bit_xor' wants i32, i64 or bool, got 'bytes' u8[2]"));
}

}  // namespace
}  // namespace nodec
