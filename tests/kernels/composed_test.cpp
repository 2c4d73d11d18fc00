// Compositions against what they stand for, said plainly; and what is refused.
#include "kernels/composed.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "ir/interpret.h"
#include "kernels/build.h"

namespace nodec::composed_tests {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Array array(std::vector<std::int64_t> dims, std::vector<double> values) {
  Array a = Array::zeros(Dtype::F64, std::move(dims));
  for (std::size_t i = 0; i < values.size(); ++i) a.set(std::int64_t(i), values[i]);
  return a;
}

using Make = std::function<std::vector<Value*>(Builder&, const std::vector<Value*>&)>;

std::vector<Array> evaluated(const std::vector<Array>& x, const Make& make) {
  Graph graph;
  Builder b(graph.body);
  b.at({"test.cpp", 7});
  std::vector<Value*> values;
  for (const Array& a : x) {
    Shape shape;
    for (const std::int64_t d : a.dims) shape.push_back(d);
    values.push_back(graph.body.add_arg(Type::tensor(a.dtype, shape)));
  }
  graph.body.results = make(b, values);
  return interpret(graph, x);
}

// The same with a symbol for the number of rows.
std::vector<Array> evaluated_in_rows(const Array& x, const Make& make) {
  Graph graph;
  Builder b(graph.body);
  Shape shape{Dim::symbol("N")};
  for (std::size_t i = 1; i < x.dims.size(); ++i) shape.push_back(x.dims[i]);
  graph.body.results = make(b, {graph.body.add_arg(Type::tensor(x.dtype, shape))});
  return interpret(graph, std::vector{x});
}

std::vector<double> reals(const Array& a) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < a.count(); ++i) all.push_back(a.real(i));
  return all;
}

std::string refusal(const std::vector<Array>& x, const Make& make) {
  try {
    evaluated(x, make);
  } catch (const Error& error) {
    return error.message();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a logarithm of a sum of exponentials neither overflows nor vanishes") {
  const std::vector<Array> y =
      evaluated({array({4, 2}, {1000, 1000, -1000, -1001, -kInf, -kInf, kInf, 0})},
                [](Builder& b, const std::vector<Value*>& x) -> std::vector<Value*> {
                  return {logsumexp(b, x[0], {1})};
                });
  CHECK(y[0].real(0) == doctest::Approx(1000 + std::log(2)));
  CHECK(y[0].real(1) == doctest::Approx(-1000 + std::log1p(std::exp(-1))));
  CHECK(y[0].real(2) == -kInf);
  CHECK(y[0].real(3) == kInf);
}

TEST_CASE("running sums and products are those of a loop, over several blocks too") {
  for (const std::int64_t n : {1, 2, 16, 17, 33, 300}) {
    auto x = std::vector<double>(std::size_t(n));
    std::vector<double> sums(x.size()), products(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1 + double(int(i * 7 % 11) - 5) / 64;
    std::partial_sum(x.begin(), x.end(), sums.begin());
    std::partial_sum(x.begin(), x.end(), products.begin(), std::multiplies<>());
    const std::vector<Array> y = evaluated(
        {array({n}, x)}, [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
          return {cumsum(b, v[0], 0), cumprod(b, v[0], 0), flip(b, v[0], 0)};
        });
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(y[0].real(std::int64_t(i)) == doctest::Approx(sums[i]).epsilon(1e-12));
      CHECK(y[1].real(std::int64_t(i)) == doctest::Approx(products[i]).epsilon(1e-12));
      CHECK(y[2].real(std::int64_t(i)) == x[x.size() - 1 - i]);
    }
  }
}

TEST_CASE("running values of an axis of any length are those of a loop") {
  for (const std::int64_t n : {0, 1, 2, 3, 16, 33, 300}) {
    auto x = std::vector<double>(std::size_t(2 * n));
    std::vector<double> sums(x.size()), products(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = 1 + double(int(i * 7 % 11) - 5) / 64;
      sums[i] = x[i] + (i < 2 ? 0 : sums[i - 2]);
      products[i] = x[i] * (i < 2 ? 1 : products[i - 2]);
    }
    const std::vector<Array> y = evaluated_in_rows(
        array({n, 2}, x), [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
          return {cumsum(b, v[0], 0), cumprod(b, v[0], 0)};
        });
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(y[0].real(std::int64_t(i)) == doctest::Approx(sums[i]).epsilon(1e-12));
      CHECK(y[1].real(std::int64_t(i)) == doctest::Approx(products[i]).epsilon(1e-12));
    }
  }
}

TEST_CASE("sorting keeps the order of equals and puts NaN last, or first when it decreases") {
  const std::vector<double> x{3, kNaN, -0.0, 2, 0, kInf, 2, -kInf, kNaN, 3, 1};
  const Make both = [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
    const Sorted up = sort(b, v[0], 0), down = sort(b, v[0], 0, true);
    return {up.places, down.places, up.values};
  };
  for (const bool any_length : {false, true}) {
    const Array all = array({11}, x);
    const std::vector<Array> y = any_length ? evaluated_in_rows(all, both) : evaluated({all}, both);
    CHECK(reals(y[0]) == std::vector<double>{7, 2, 4, 10, 3, 6, 0, 9, 5, 1, 8});
    CHECK(reals(y[1]) == std::vector<double>{1, 8, 5, 0, 9, 3, 6, 10, 2, 4, 7});
    CHECK(std::signbit(y[2].real(1)));
    CHECK(!std::signbit(y[2].real(2)));
  }
}

TEST_CASE("as many elements as there are, and many, are sorted by a loop, column by column") {
  for (const std::int64_t n : {0, 1, 2, 3, 4, 31, 32, 33, 100}) {
    auto x = std::vector<double>(std::size_t(2 * n));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = double(i * 37 % 29);
    const Make make = [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
      const Sorted up = sort(b, v[0], 0), down = sort(b, v[0], 0, true);
      return {up.values, up.places, down.values, down.places};
    };
    const Array all = array({n, 2}, x);
    for (const std::vector<Array>& y : {evaluated({all}, make), evaluated_in_rows(all, make)}) {
      for (std::size_t column = 0; column < 2; ++column) {
        auto order = std::vector<std::size_t>(std::size_t(n));
        std::iota(order.begin(), order.end(), 0);
        const auto at = [&](std::size_t i) { return x[2 * i + column]; };
        for (const std::size_t down : {0, 2}) {
          std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
            return down != 0 ? at(i) > at(j) : at(i) < at(j);
          });
          for (std::size_t i = 0; i < order.size(); ++i) {
            const auto flat = std::int64_t(2 * i + column);
            CHECK(y[down].real(flat) == at(order[i]));
            CHECK(y[down + 1].real(flat) == double(order[i]));
          }
          std::iota(order.begin(), order.end(), 0);
        }
      }
    }
  }
}

TEST_CASE("integers are sorted to their ends") {
  const std::int64_t high = std::numeric_limits<std::int64_t>::max();
  const std::int64_t low = std::numeric_limits<std::int64_t>::min();
  Array wide = Array::zeros(Dtype::I64, {5}), bytes = Array::zeros(Dtype::U8, {5});
  const std::vector<std::int64_t> values{3, high, low, high - 1, 3};
  for (std::size_t i = 0; i < 5; ++i) {
    wide.set_integer(std::int64_t(i), values[i]);
    bytes.set_integer(std::int64_t(i), values[i]);
  }
  for (const bool descending : {false, true}) {
    const std::vector<Array> y =
        evaluated({wide, bytes}, [&](Builder& b, const auto& v) -> std::vector<Value*> {
          return {sort(b, v[0], 0, descending).values, sort(b, v[1], 0, descending).places,
                  top_k(b, v[0], 2, 0).values};
        });
    const std::vector<std::int64_t> up{low, 3, 3, high - 1, high}, down(up.rbegin(), up.rend());
    CHECK(y[0].integers == (descending ? down : up));
    CHECK(y[1].integers == (descending ? std::vector<std::int64_t>{1, 3, 0, 4, 2}
                                       : std::vector<std::int64_t>{2, 0, 4, 3, 1}));
    CHECK(y[2].integers == std::vector<std::int64_t>{high, high - 1});
  }
}

TEST_CASE("a part found at run time is moved inside, an update cut off") {
  for (const std::int64_t start : {-2, 0, 3, 9}) {
    Array at = Array::zeros(Dtype::I32, {});
    at.set_integer(0, start);
    const std::vector<Array> y = evaluated(
        {array({5}, {0, 1, 2, 3, 4}), array({2}, {8, 9}), at},
        [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
          return {dynamic_slice(b, v[0], v[2], 0, 3), dynamic_update(b, v[0], v[1], v[2], 0)};
        });
    const double first = double(std::clamp<std::int64_t>(start, 0, 2));
    CHECK(reals(y[0]) == std::vector<double>{first, first + 1, first + 2});
    std::vector<double> want{0, 1, 2, 3, 4};
    for (std::int64_t i = 0; i < 2; ++i) {
      if (start + i >= 0 && start + i < 5) want[std::size_t(start + i)] = double(8 + i);
    }
    CHECK(reals(y[1]) == want);
  }
}

TEST_CASE("a convolution is the sum over each window") {
  std::vector<double> image(2 * 5 * 4 * 3), kernel(2 * 2 * 3 * 2);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = double(int(i * 37 % 23) - 11);
  for (std::size_t i = 0; i < kernel.size(); ++i) kernel[i] = double(int(i * 17 % 7) - 3);
  const std::vector<Array> y =
      evaluated({array({2, 5, 4, 3}, image), array({2, 2, 3, 2}, kernel)},
                [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
                  return {convolution(b, v[0], v[1], {{2, 1}, {1, 0}})};
                });
  REQUIRE(y[0].dims == std::vector<std::int64_t>{2, 3, 3, 3});
  std::int64_t flat = 0;
  for (int o = 0; o < 2; ++o) {
    for (int h = 0; h < 3; ++h) {
      for (int w = 0; w < 3; ++w) {
        for (int s = 0; s < 3; ++s) {
          double sum = 0;
          for (int c = 0; c < 2; ++c) {
            for (int i = 0; i < 3; ++i) {
              for (int j = 0; j < 2; ++j) {
                const int row = 2 * h + i - 1, column = w + j;
                if (row < 0 || row >= 5) continue;
                sum += image[std::size_t(((c * 5 + row) * 4 + column) * 3 + s)] *
                       kernel[std::size_t(((o * 2 + c) * 3 + i) * 2 + j)];
              }
            }
          }
          CHECK(y[0].real(flat++) == sum);
        }
      }
    }
  }
}

TEST_CASE("systems are solved with a zero on the diagonal, and a singular one has determinant 0") {
  const std::vector<double> a{0, 2, 1, 1, -1, 0, 3, 0, -2};
  const std::vector<Array> y = evaluated(
      {array({3, 3}, a), array({3}, {5, -1, -3}), array({3, 3}, {1, 2, 3, 2, 4, 6, 1, 0, 1})},
      [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
        Value* gram = matmul(b, v[0], v[0], false, true);
        Value* root = cholesky(b, gram);
        return {linear_solve(b, v[0], v[1]), determinant(b, v[0]), determinant(b, v[2]),
                sub(b, matmul(b, root, root, false, true), gram)};
      });
  const std::vector<double> x = reals(y[0]);
  for (int i = 0; i < 3; ++i) {
    double sum = 0;
    for (int j = 0; j < 3; ++j) sum += a[std::size_t(3 * i + j)] * x[std::size_t(j)];
    CHECK(sum == doctest::Approx(std::vector<double>{5, -1, -3}[std::size_t(i)]));
  }
  CHECK(y[1].real(0) == doctest::Approx(7));
  CHECK(y[2].real(0) == 0);
  for (const double off : reals(y[3])) CHECK(std::fabs(off) < 1e-12);
}

TEST_CASE("integers are contracted by letters") {
  const Array x = Array::of({2, 3}, {1, -2, 3, 4, 5, -6}, Dtype::I32),
              y = Array::of({3, 2}, {7, 8, 9, -1, 2, 3}, Dtype::I32);
  const std::vector<Array> z =
      evaluated({x, y}, [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
        return {einsum(b, "ij,jk->ik", v[0], v[1]), einsum(b, "ij,ji->", v[0], v[1]),
                einsum(b, "ij,kl->jk", v[0], v[1])};
      });
  CHECK(reals(z[0]) == std::vector<double>{-5, 19, 61, 9});
  CHECK(reals(z[1]) == std::vector<double>{4});
  CHECK(reals(z[2]) == std::vector<double>{75, 40, 25, 45, 24, 15, -45, -24, -15});
}

TEST_CASE("matrices without rows have a determinant of 1, and solve nothing") {
  const std::vector<Array> y =
      evaluated({array({0, 0}, {}), array({0, 0, 2}, {}), array({0, 3}, {})},
                [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
                  return {determinant(b, v[0]), determinant(b, v[1]), cholesky(b, v[0]),
                          linear_solve(b, v[0], v[2]), triangular_solve(b, v[0], v[2])};
                });
  CHECK(reals(y[0]) == std::vector<double>{1});
  CHECK(reals(y[1]) == std::vector<double>{1, 1});
  for (const std::size_t i : {2, 3, 4}) CHECK(y[i].count() == 0);
}

TEST_CASE("what cannot be written out is refused at its line, in the user's words") {
  const auto x = array({2, 3}, {}), cube = array({2, 3, 4}, {});
  const auto with_symbols = [](Builder& b, const std::vector<Value*>&) -> std::vector<Value*> {
    const Shape shape{Dim::symbol("N"), Dim::symbol("M")};
    return {sort(b, b.region().add_arg(Type::tensor(Dtype::F64, shape)), 0).values};
  };
  CHECK(refusal({}, with_symbols) ==
        "axis 1 of f64[N, M] is sorted beside, whose size is not known when the program is made");
  CHECK(refusal({}, [](Builder& b, const std::vector<Value*>&) -> std::vector<Value*> {
          return {sort(b, b.region().add_arg(Type::tensor(Dtype::Bool, {3})), 0).values};
        }) == "sort takes numbers, got bool[3]");
  const auto einsum_of = [](std::string_view letters) {
    return [letters](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
      return {einsum(b, letters, v[0], v[1])};
    };
  };
  CHECK(refusal({x, x}, einsum_of("ij,jk->ik")) ==
        "einsum \"ij,jk->ik\": 'j' is 3 on the left and 2 on the right");
  CHECK(refusal({x, x}, einsum_of("ij->ik")) == "einsum \"ij->ik\": has no ',' or no '->'");
  CHECK(refusal({x, cube}, einsum_of("ij,jk->ik")) ==
        "einsum \"ij,jk->ik\": 'jk' has 2 letters for f64[2, 3, 4]");
  CHECK(refusal({x, x}, einsum_of("ii,jk->ik")) == "einsum \"ii,jk->ik\": 'i' is 2 and 3 in 'ii'");
  CHECK(refusal({x, x}, einsum_of("ij,jk->kk")) ==
        "einsum \"ij,jk->kk\": names 'k' twice in the result");
  CHECK(refusal({x, x}, einsum_of("ij,kj->im")) ==
        "einsum \"ij,kj->im\": 'm' of the result is in neither operand");
  CHECK(refusal({x}, [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
          return {determinant(b, v[0])};
        }) == "determinant wants a square matrix [n, n, ...], got f64[2, 3]");
  CHECK(refusal({x}, [](Builder& b, const std::vector<Value*>& v) -> std::vector<Value*> {
          return {top_k(b, v[0], 4, 1).values};
        }) == "top_k wants 4 of the 3 along axis 1 of f64[2, 3]");
}

}  // namespace nodec::composed_tests
