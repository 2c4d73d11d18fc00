// Evaluation against closed forms, and the stated answers for NaN, signed zeros and integer ends.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "ir/interpret.h"
#include "ir/parse.h"
#include "kernels/catalogue.h"

using namespace nodec;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The result of one op on arguments x0, x1, ... whose types are the arrays' own.
Array run(std::string_view op, const std::vector<Array>& x) {
  std::string arguments, operands;
  for (std::size_t i = 0; i < x.size(); ++i) {
    arguments += fmt::format("{}%x{}: {}", i ? ", " : "", i, x[i].type().str());
    operands += fmt::format("{}%x{}", i ? ", " : " ", i);
  }
  const std::size_t attrs = std::min(op.find(' '), op.size());
  const std::string text = fmt::format("graph g ({}) {{\n  %y = {}{}{}\n  yield %y\n}}\n",
                                       arguments, op.substr(0, attrs), operands, op.substr(attrs));
  return interpret(*parse(text, find_primitive), x).at(0);
}

// The same on scalars.
double at(std::string_view op, std::vector<double> x) {
  std::vector<Array> scalars;
  for (const double value : x) scalars.push_back(Array::of({}, {value}));
  return run(op, scalars).real();
}

Array ints(std::vector<std::int64_t> dims, std::vector<double> values) {
  return Array::of(std::move(dims), std::move(values), Dtype::I32);
}

bool negative_zero(double x) { return x == 0 && std::signbit(x); }
bool positive_zero(double x) { return x == 0 && !std::signbit(x); }

}  // namespace

TEST_CASE("min, max and clamp propagate NaN and order -0 before +0") {
  for (const char* op : {"min", "max"}) {
    CHECK(std::isnan(at(op, {kNaN, 1})));
    CHECK(std::isnan(at(op, {1, kNaN})));
    CHECK(std::isnan(at(op, {kNaN, kNaN})));
  }
  CHECK(at("min", {1, 2}) == 1);
  CHECK(at("max", {1, 2}) == 2);
  CHECK(at("max", {kInfinity, 2}) == kInfinity);
  CHECK(negative_zero(at("min", {-0.0, 0.0})));
  CHECK(negative_zero(at("min", {0.0, -0.0})));
  CHECK(positive_zero(at("max", {-0.0, 0.0})));
  CHECK(positive_zero(at("max", {0.0, -0.0})));
  CHECK(negative_zero(at("max", {-0.0, -0.0})));
  CHECK(at("clamp", {5, 0, 1}) == 1);
  CHECK(at("clamp", {-5, 0, 1}) == 0);
  CHECK(at("clamp", {0.5, 0, 1}) == 0.5);
  CHECK(at("clamp", {0.5, 2, 1}) == 1);
  const std::vector<std::int64_t> whole{7, -2, 3};
  CHECK(clamp_p.integer(whole) == 3);
  for (int i = 0; i < 3; ++i) {
    std::vector<double> x{0.5, 0, 1};
    x[std::size_t(i)] = kNaN;
    CHECK(std::isnan(at("clamp", x)));
  }
}

TEST_CASE("relu, sign, abs and neg state what they do with NaN and zeros") {
  CHECK(std::isnan(at("relu", {kNaN})));
  CHECK(positive_zero(at("relu", {-0.0})));
  CHECK(positive_zero(at("relu", {-3})));
  CHECK(at("relu", {kInfinity}) == kInfinity);
  CHECK(std::isnan(at("sign", {kNaN})));
  CHECK(negative_zero(at("sign", {-0.0})));
  CHECK(at("sign", {-kInfinity}) == -1);
  CHECK(positive_zero(at("abs", {-0.0})));
  CHECK(negative_zero(at("neg", {0.0})));
}

TEST_CASE("a cotangent of 0 absorbs any slope, a slope of 0 an infinite cotangent") {
  for (const double slope : {kNaN, kInfinity, -kInfinity, -2.0}) {
    CHECK(positive_zero(at("strong_mul", {0.0, slope})));
    CHECK(negative_zero(at("strong_mul", {-0.0, slope})));
    CHECK(std::isnan(at("strong_mul", {kNaN, slope})));
  }
  CHECK(at("strong_mul", {kInfinity, 0.0}) == 0);
  CHECK(at("strong_mul", {kInfinity, 2}) == kInfinity);
  CHECK(std::isnan(at("strong_mul", {kNaN, 0.0})));
  CHECK(std::isnan(at("strong_mul", {1, kNaN})));
  CHECK(at("strong_mul", {2, -3}) == -6);
  for (const double other : {1.0, -kInfinity, kNaN}) {
    CHECK(positive_zero(at("absorbing_mul", {0.0, other})));
    CHECK(negative_zero(at("absorbing_mul", {other, -0.0})));
  }
  CHECK(std::isnan(at("absorbing_mul", {1, kNaN})));
  CHECK(at("absorbing_mul", {2, -3}) == -6);
}

TEST_CASE("a norm neither overflows nor vanishes") {
  const auto norm = [](std::vector<double> x, Dtype dtype) {
    const auto n = std::int64_t(x.size());
    return run("norm {axes = [0]}", {Array::of({n}, std::move(x), dtype)}).real();
  };
  CHECK(norm({3, 4}, Dtype::F64) == 5);
  CHECK(norm({3e300, 4e300}, Dtype::F64) == doctest::Approx(5e300));
  CHECK(norm({3e-300, 4e-300}, Dtype::F64) == doctest::Approx(5e-300));
  CHECK(norm({0x3p-1074, 0x4p-1074}, Dtype::F64) == 0x5p-1074);
  CHECK(norm({-kInfinity, 1}, Dtype::F64) == kInfinity);
  CHECK(std::isnan(norm({kNaN, kInfinity}, Dtype::F64)));
  CHECK(norm({}, Dtype::F64) == 0);
}

TEST_CASE("every elementwise function of floats maps NaN to NaN") {
  for (const char* op :
       {"exp", "exp2", "expm1", "log", "log2", "log1p", "sqrt", "rsqrt", "tanh", "sigmoid",
        "softplus", "relu", "sin", "cos", "erf", "floor", "sign", "abs", "neg"}) {
    CAPTURE(op);
    CHECK(std::isnan(at(op, {kNaN})));
  }
  CHECK(std::isnan(at("pow", {kNaN, 0})));
  CHECK(std::isnan(at("pow", {1, kNaN})));
}

TEST_CASE("sigmoid and softplus neither overflow nor lose small values") {
  CHECK(at("sigmoid", {0}) == 0.5);
  CHECK(at("sigmoid", {-800}) == 0);
  CHECK(at("sigmoid", {800}) == 1);
  CHECK(at("sigmoid", {-40}) == doctest::Approx(std::exp(-40.0)).epsilon(1e-12));
  CHECK(at("softplus", {800}) == 800);
  CHECK(at("softplus", {-40}) == doctest::Approx(std::exp(-40.0)).epsilon(1e-12));
  CHECK(at("softplus", {0}) == doctest::Approx(std::log(2.0)));
  CHECK(at("rsqrt", {4}) == 0.5);
  CHECK(at("rsqrt", {0}) == kInfinity);
}

TEST_CASE("comparisons are ordered; only ne holds for NaN") {
  for (const char* op : {"eq", "lt", "le", "gt", "ge"}) CHECK(at(op, {kNaN, 1}) == 0);
  CHECK(at("ne", {kNaN, kNaN}) == 1);
  CHECK(at("eq", {-0.0, 0.0}) == 1);
  CHECK(at("le", {1, 1}) == 1);
  CHECK(at("is_finite", {kNaN}) == 0);
  CHECK(at("is_finite", {-kInfinity}) == 0);
  CHECK(at("is_finite", {1e308}) == 1);
}

TEST_CASE("casts saturate floats, wrap integers, and map NaN to 0 and to true") {
  const Array x = Array::of({5}, {kNaN, 1e30, -1e30, 2.9, -2.9});
  CHECK(run("cast {to = i32}", {x}) == ints({5}, {0, 2147483647, -2147483648.0, 2, -2}));
  CHECK(run("cast {to = u8}", {x}) == Array::of({5}, {0, 255, 0, 2, 0}, Dtype::U8));
  CHECK(run("cast {to = bool}", {x}) == Array::of({5}, {1, 1, 1, 1, 1}, Dtype::Bool));
  const Array wide = Array::of({2}, {4294967296.0 + 300, -1}, Dtype::I64);
  CHECK(run("cast {to = i32}", {wide}) == ints({2}, {300, -1}));
  CHECK(run("cast {to = u8}", {wide}) == Array::of({2}, {44, 255}, Dtype::U8));
}

TEST_CASE("integers wrap") {
  const Array most = ints({}, {2147483647}), least = ints({}, {-2147483648.0}), one = ints({}, {1});
  CHECK(run("add", {most, one}) == least);
  CHECK(run("sub", {least, one}) == most);
  CHECK(run("mul", {most, ints({}, {2})}) == ints({}, {-2}));
  CHECK(run("neg", {least}) == least);
  CHECK(run("abs", {least}) == least);
  const Array large = Array::scalar_integer(Dtype::I64, (std::int64_t{1} << 60) + 1);
  CHECK(run("sub", {large, Array::scalar_integer(Dtype::I64, 1)}).integer() == std::int64_t{1}
                                                                                   << 60);
  CHECK(run("max", {large, Array::scalar_integer(Dtype::I64, 3)}) == large);
}

TEST_CASE("views and joins move elements where they say") {
  const Array x = Array::of({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(run("transpose {perm = [1, 0]}", {x}) == Array::of({3, 2}, {1, 4, 2, 5, 3, 6}));
  CHECK(run("reshape {shape = <3, 2>}", {x}) == Array::of({3, 2}, {1, 2, 3, 4, 5, 6}));
  CHECK(run("slice {axis = 1, size = <2>, start = 1}", {x}) == Array::of({2, 2}, {2, 3, 5, 6}));
  CHECK(run("broadcast {dims = [1], shape = <2, 3>}", {Array::of({3}, {1, 2, 3})}) ==
        Array::of({2, 3}, {1, 2, 3, 1, 2, 3}));
  CHECK(run("pad {after = <0>, axis = 0, before = <1>}", {x}) ==
        Array::of({3, 3}, {0, 0, 0, 1, 2, 3, 4, 5, 6}));
  CHECK(run("concat {axis = 1}", {x, Array::of({2, 1}, {7, 8})}) ==
        Array::of({2, 4}, {1, 2, 3, 7, 4, 5, 6, 8}));
}

TEST_CASE("folds: sums, greatest elements and where they are") {
  const Array x = Array::of({2, 3}, {1, 7, 7, -2, kNaN, 9});
  CHECK(run("sum {axes = [1]}", {Array::of({2, 2}, {1, 2, 3, 4})}) == Array::of({2}, {3, 7}));
  CHECK(run("sum {axes = [0, 1]}", {Array::of({2, 2}, {1, 2, 3, 4})}) == Array::of({}, {10}));
  CHECK(run("sum {axes = [0]}", {Array::of({0, 2}, {})}) == Array::of({2}, {0, 0}));
  CHECK(run("argmax {axis = 1}", {x}) == ints({2}, {1, 1}));
  CHECK(run("max_over {axes = [1]}", {x}).real(0) == 7);
  CHECK(std::isnan(run("max_over {axes = [1]}", {x}).real(1)));
  CHECK(positive_zero(run("max_over {axes = [0]}", {Array::of({2}, {-0.0, 0.0})}).real()));
  CHECK(run("max_over {axes = [0]}", {Array::of({0}, {})}).real() == -kInfinity);
  CHECK(run("mean {axes = [0]}", {Array::of({4}, {1, 2, 3, 6})}).real() == 3);
}

TEST_CASE("matmul multiplies with either side transposed, onto a start") {
  const Array a = Array::of({2, 3}, {1, 2, 3, 4, 5, 6}),
              b = Array::of({3, 2}, {7, 8, 9, 10, 11, 12});
  const Array product = Array::of({2, 2}, {58, 64, 139, 154});
  const Array a_t = Array::of({3, 2}, {1, 4, 2, 5, 3, 6}),
              b_t = Array::of({2, 3}, {7, 9, 11, 8, 10, 12});
  CHECK(run("matmul {ta = false, tb = false}", {a, b}) == product);
  CHECK(run("matmul {ta = true, tb = false}", {a_t, b}) == product);
  CHECK(run("matmul {ta = false, tb = true}", {a, b_t}) == product);
  CHECK(run("matmul {ta = true, tb = true}", {a_t, b_t}) == product);
  CHECK(run("matmul {ta = false, tb = false}", {a, b, Array::of({2, 2}, {1, 1, 1, 1})}) ==
        Array::of({2, 2}, {59, 65, 140, 155}));
}

TEST_CASE("gather and scatter_add move an index outside to the nearest end") {
  const Array table = Array::of({3, 2}, {1, 2, 3, 4, 5, 6}), places = ints({3}, {-4, 1, 9});
  CHECK(run("gather", {table, places}) == Array::of({3, 2}, {1, 2, 3, 4, 5, 6}));
  CHECK(run("scatter_add {shape = <2>}", {ints({3}, {1, 1, -7}), Array::of({3}, {1, 2, 4})}) ==
        Array::of({2}, {4, 3}));
}

TEST_CASE("softmax and log_softmax stand large inputs; one_hot leaves strangers at 0") {
  const Array x = Array::of({2}, {1000, 1000});
  CHECK(run("softmax {axis = 0}", {x}) == Array::of({2}, {0.5, 0.5}));
  CHECK(run("log_softmax {axis = 0}", {x}).real() == doctest::Approx(-std::log(2.0)));
  CHECK(run("one_hot {depth = 3, dtype = f64}", {ints({3}, {2, 0, 5})}) ==
        Array::of({3, 3}, {0, 1, 0, 0, 0, 0, 1, 0, 0}));
}

TEST_CASE("the gradient of max_over goes to the first of equal elements") {
  const auto graph = parse(
      "graph g (%x: f64[2, 3], %k: i32[]) {\n"
      "  %y = argmax %x {axis = 1}\n  yield %y\n}\n",
      find_primitive);
  CHECK(interpret(*graph, std::vector<Array>{Array::of({2, 3}, {4, 4, 1, 0, 2, 2}), ints({}, {0})})
            .at(0) == ints({2}, {0, 1}));
}
