// Lowerings against evaluations, without a back end: the emitter that computes on the host runs
// each lowering on ordinary numbers and on every pair of special ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ir/builder.h"
#include "ir/philox.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"
#include "tests/kernels/math/evaluating_arithmetic.h"

using namespace nodec;

namespace {

const std::vector<double> kSpecial{
    std::numeric_limits<double>::quiet_NaN(), -HUGE_VAL, -2.5, -1, -0.0, 0.0, 0.25, 1, 3, HUGE_VAL};

// Every choice of `arity` special numbers, operand by operand.
std::vector<std::vector<double>> choices(int arity) {
  auto columns = std::vector<std::vector<double>>(std::size_t(arity));
  const std::size_t n = kSpecial.size();
  std::size_t count = 1;
  for (int i = 0; i < arity; ++i) count *= n;
  for (std::size_t c = 0; c < count; ++c) {
    std::size_t rest = c;
    for (auto& column : columns) {
      column.push_back(kSpecial[rest % n]);
      rest /= n;
    }
  }
  return columns;
}

std::vector<std::vector<double>> drawn(const Primitive& p, int count) {
  std::vector<std::vector<double>> columns(std::size_t(p.arity));
  for (std::size_t k = 0; k < columns.size(); ++k) {
    for (int i = 0; i < count; ++i) {
      const auto words = philox::draw(k, std::uint64_t(i));
      const double x =
          p.domain.low + (p.domain.high - p.domain.low) * philox::uniform_f64(words[0], words[1]);
      columns[k].push_back(double(float(x)));  // a number both dtypes hold
    }
  }
  return columns;
}

template <class Real>
std::vector<double> lowered(const Primitive& p, const std::vector<std::vector<double>>& columns) {
  constexpr bool small = sizeof(Real) == 4;
  constexpr Scalar scalar = small ? Scalar::F32 : Scalar::F64;
  const int lanes = int(columns[0].size());
  EvaluatingArithmetic e(lanes);
  Region region;
  Builder b(region);
  std::vector<Code> x;
  std::vector<Value*> operands;
  for (const auto& column : columns) {
    const std::vector<Real> values(column.begin(), column.end());
    x.push_back(e.input(scalar, values.data()));
    operands.push_back(region.add_arg(Type::scalar(small ? Dtype::F32 : Dtype::F64)));
  }
  const Code out = p.lower(e, *b.value(p, operands)->op, x);
  std::vector<double> result;
  for (int i = 0; i < lanes; ++i) {
    result.push_back(out.scalar == Scalar::Pred
                         ? EvaluatingArithmetic::values<std::int32_t>(out)[i] != 0
                         : double(EvaluatingArithmetic::values<Real>(out)[i]));
  }
  return result;
}

double expected(const Primitive& p, const std::vector<std::vector<double>>& columns,
                std::size_t i) {
  std::vector<double> x;
  for (const auto& column : columns) x.push_back(column[i]);
  return p.scalar(x);
}

bool same_bits_or_nan(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// Elementwise primitives of plain float operands.
std::vector<const Primitive*> float_functions() {
  std::vector<const Primitive*> found;
  for (const Primitive* p : catalogue()) {
    if (p->lower && p->scalar && !p->sample) found.push_back(p);
  }
  for (const Primitive* p : {&eq_p, &ne_p, &lt_p, &le_p, &gt_p, &ge_p, &is_finite_p}) {
    found.push_back(p);
  }
  return found;
}

template <class Real>
void check_numbers(const Primitive& p, double tolerance) {
  const auto columns = drawn(p, 64);
  const std::vector<double> got = lowered<Real>(p, columns);
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i] == doctest::Approx(expected(p, columns, i)).epsilon(tolerance));
  }
}

// Zeros, infinities and NaN are exact in every dtype, and of one answer.
template <class Real>
void check_special(const Primitive& p) {
  const auto columns = choices(p.arity);
  const std::vector<double> got = lowered<Real>(p, columns);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double want = expected(p, columns, i);
    const bool special = want == 0 || std::isnan(want) || std::isinf(want);
    if (special) CAPTURE(i);
    CAPTURE(columns[0][i]);
    CAPTURE(columns.back()[i]);
    if (special) CHECK(same_bits_or_nan(got[i], want));
  }
}

}  // namespace

TEST_CASE("lowerings agree with evaluations on ordinary numbers") {
  for (const Primitive* p : float_functions()) {
    CAPTURE(p->name);
    check_numbers<float>(*p, 2e-6);
    check_numbers<double>(*p, 1e-14);
  }
}

TEST_CASE("lowerings and evaluations have one answer for zeros, infinities and NaN") {
  for (const Primitive* p : float_functions()) {
    CAPTURE(p->name);
    check_special<float>(*p);
    check_special<double>(*p);
  }
}

TEST_CASE("what is exact has the bits of its evaluation, rounded once") {
  int seen = 0;
  for (const Primitive* p : float_functions()) {
    if (!p->exact) continue;
    CAPTURE(p->name);
    const auto columns = drawn(*p, 64);
    const std::vector<double> f32 = lowered<float>(*p, columns), f64 = lowered<double>(*p, columns);
    for (std::size_t i = 0; i < f32.size(); ++i) {
      const double want = expected(*p, columns, i);
      CHECK(same_bits_or_nan(f32[i], double(float(want))));
      CHECK(same_bits_or_nan(f64[i], want));
    }
    ++seen;
  }
  CHECK(seen >= 20);
}

TEST_CASE("folds in any grouping find the greatest and the first of equals") {
  const std::vector<double> x{1, 5, -0.0, 5, std::nan(""), 2, std::nan("")};
  for (const std::size_t count : {std::size_t{4}, x.size()}) {
    for (std::size_t cut = 0; cut <= count; ++cut) {
      Region region;
      Builder b(region);
      Value* data = region.add_arg(Type::tensor(Dtype::F32, {7}));
      const Op& op = *argmax(b, data, 0)->op;
      EvaluatingArithmetic e(1);
      Fold::State halves[2] = {argmax_p.fold.start(e, op), argmax_p.fold.start(e, op)};
      for (std::size_t i = 0; i < count; ++i) {
        Fold::State& state = halves[i < cut ? 0 : 1];
        state = argmax_p.fold.step(e, op, state, e.constant(Scalar::F32, x[i]),
                                   e.constant(Scalar::I64, double(i)));
      }
      const Code place = argmax_p.fold.merge(e, op, halves[0], halves[1]).back();
      CHECK(*EvaluatingArithmetic::values<std::int32_t>(place) == (count == 4 ? 1 : 4));
    }
  }
}

TEST_CASE("generated random numbers are the interpreter's") {
  Region region;
  Builder b(region);
  Value* key = region.add_arg(Type::scalar(Dtype::Key));
  EvaluatingArithmetic e(3);
  const std::int64_t indices[3] = {0, 17, std::int64_t{1} << 33};
  const Code index = e.input(Scalar::I64, indices);
  const std::uint64_t seed = 0x123456789ABCDEF0;
  const Code x = e.constant_bits(Scalar::I64, seed);
  const Op& small = *random_uniform(b, key, Dtype::F32, {3})->op;
  const Op& large = *random_uniform(b, key, Dtype::F64, {3})->op;
  const Code f32 = random_uniform_p.generate(e, small, {&x, 1}, index);
  const Code f64 = random_uniform_p.generate(e, large, {&x, 1}, index);
  const std::int64_t folds[3] = {0, -1, 5};
  Value* data = region.add_arg(Type::scalar(Dtype::I64));
  const std::vector<Code> operands{x, e.input(Scalar::I64, folds)};
  const Code folded = fold_in_p.lower(e, *fold_in(b, key, data)->op, operands);
  for (int i = 0; i < 3; ++i) {
    const auto words = philox::draw(seed, std::uint64_t(indices[i]));
    CHECK(EvaluatingArithmetic::values<float>(f32)[i] == philox::uniform_f32(words[0]));
    CHECK(EvaluatingArithmetic::values<double>(f64)[i] == philox::uniform_f64(words[0], words[1]));
    CHECK(EvaluatingArithmetic::values<std::uint64_t>(folded)[i] ==
          philox::fold_in(seed, std::uint64_t(folds[i])));
  }
}
