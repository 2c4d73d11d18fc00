// Every expansion of kernels/math against a wider format: glibc's double for f32, long double for
// f64. The daily run takes every 257th f32 number, all edges, and 2^20 f64 samples a function;
// NODEC_EXHAUSTIVE=1 takes every f32 number and 2^26 samples of pow and of f64.
#include "kernels/math/math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

#include "kernels/math/bounds.h"
#include "tests/kernels/math/evaluating_arithmetic.h"
#include "tests/kernels/math/gamma_reference.h"
#include "tests/kernels/math/ulp.h"

namespace nodec {
namespace {

constexpr int lanes = 1024;

template <class T>
T sigmoid(T x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
template <class T>
T softplus(T x) {
  return std::fmax(x, T{0}) + std::log1p(std::exp(-std::fabs(x)));
}

Code trigamma(Arithmetic& e, Code x) { return math::polygamma(e, x, 1); }
Code tetragamma(Arithmetic& e, Code x) { return math::polygamma(e, x, 2); }

struct Function {
  std::string_view name;
  Code (*expand)(Arithmetic&, Code);
  double (*f32_reference)(double);
  long double (*f64_reference)(long double);
  double low, high;           // where the f64 function is most itself
  std::uint64_t thinned = 1;  // of f32 numbers: a slow reference
  // What a result is at least taken to be as large as, where its terms cancel.
  long double (*terms)(long double) = nullptr;
};

#define NODEC_FUNCTION(name, low, high)                                                    \
  Function {                                                                               \
#name, math::name,                                                                     \
        [](double x) { return name(x); }, [](long double x) { return name(x); }, low, high \
  }
using std::acos, std::asin, std::atan, std::cos, std::cosh, std::erf, std::sinh, std::exp,
    std::exp2, std::expm1, std::log, std::log1p, std::log2, std::sin, std::tanh;
const Function functions[] = {
    NODEC_FUNCTION(exp, -750, 712),
    NODEC_FUNCTION(exp2, -1080, 1026),
    NODEC_FUNCTION(expm1, -40, 712),
    NODEC_FUNCTION(log, 0, 4),
    NODEC_FUNCTION(log2, 0, 4),
    NODEC_FUNCTION(log1p, -1, 4),
    NODEC_FUNCTION(tanh, -20, 20),
    NODEC_FUNCTION(sigmoid, -20, 20),
    NODEC_FUNCTION(softplus, -20, 20),
    NODEC_FUNCTION(erf, -6, 6),
    NODEC_FUNCTION(sin, -0x1p30, 0x1p30),
    NODEC_FUNCTION(cos, -0x1p30, 0x1p30),
    NODEC_FUNCTION(asin, -1, 1),
    NODEC_FUNCTION(acos, -1, 1),
    NODEC_FUNCTION(atan, -8, 8),
    NODEC_FUNCTION(sinh, -712, 712),
    NODEC_FUNCTION(cosh, -712, 712),
    {"lgamma", math::lgamma, [](double x) { return reference::lgamma(x); },
     [](long double x) { return reference::lgamma(x); }, -20, 20, 15,
     [](long double x) { return reference::lgamma_terms(x); }},
    {"digamma", math::digamma, [](double x) { return reference::digamma(x); },
     [](long double x) { return reference::digamma(x); }, -20, 20, 15,
     [](long double x) { return reference::digamma_terms(x); }},
    {"trigamma", trigamma, [](double x) { return reference::polygamma(1, x); },
     [](long double x) { return reference::polygamma(1, x); }, -20, 20, 15,
     [](long double x) { return reference::polygamma_terms(1, x); }},
    {"tetragamma", tetragamma, [](double x) { return reference::polygamma(2, x); },
     [](long double x) { return reference::polygamma(2, x); }, -20, 20, 15,
     [](long double x) { return reference::polygamma_terms(2, x); }},
};
#undef NODEC_FUNCTION

#ifdef NODEC_SANITIZED
constexpr int thinning = 16;  // how tight a bound is, the ordinary build finds out
#else
constexpr int thinning = 1;
#endif

bool exhaustive() { return std::getenv("NODEC_EXHAUSTIVE") != nullptr; }

// The worst error seen, in ulps within the function's range and absolutely beyond it.
struct Worst {
  double ulp = 0;
  double at = 0;
  double far = 0;
  double far_at = 0;

  void see(double x, double range, double error_in_ulps, double error) {
    if (std::fabs(x) <= range || !std::isfinite(x)) {
      if (error_in_ulps > ulp) ulp = error_in_ulps, at = x;
    } else if (!(error <= far)) {
      far = error, far_at = x;
    }
  }
};

// Runs batches of inputs, collected one by one, through an expansion.
template <class T>
class Sweep {
 public:
  Sweep(const Function& function, const math::Bound& bound) : function_(function), bound_(bound) {}

  void operator()(T x) {
    in_[count_++] = x;
    if (count_ == lanes) flush();
  }
  Worst finish() {
    while (count_ != 0) (*this)(T{1});
    return worst_;
  }
  int operations() const { return arithmetic_.operations() - 1; }  // but the input

 private:
  void flush() {
    constexpr bool f32 = sizeof(T) == 4;
    count_ = 0;
    arithmetic_.reset();
    const Code x = arithmetic_.input(f32 ? Scalar::F32 : Scalar::F64, in_);
    const T* out = arithmetic_.values<T>(function_.expand(arithmetic_, x));
    for (int i = 0; i < lanes; ++i) {
      const auto exact = [&] {
        if constexpr (f32)
          return function_.f32_reference(in_[i]);
        else
          return function_.f64_reference(in_[i]);
      }();
      const double terms = function_.terms == nullptr ? 0 : double(function_.terms(in_[i]));
      worst_.see(in_[i], bound_.range, ulps_of_terms(out[i], exact, T(terms)),
                 double(std::fabs(out[i] - exact)));
    }
  }

  const Function& function_;
  const math::Bound& bound_;
  EvaluatingArithmetic arithmetic_{lanes};
  T in_[lanes];
  int count_ = 0;
  Worst worst_;
};

// Zeros, infinities, NaN, the ends of the subnormals, and every power of two with its neighbours.
template <class T, class F>
void for_each_edge(F&& f) {
  using Limits = std::numeric_limits<T>;
  const auto both = [&](T x) { f(x), f(-x); };
  for (T x : {T{0}, Limits::infinity(), Limits::quiet_NaN(), Limits::denorm_min(), Limits::max()}) {
    both(x);
  }
  for (int e = Limits::min_exponent - Limits::digits; e < Limits::max_exponent; ++e) {
    const T power = std::ldexp(T{1}, e);
    both(power), both(std::nextafter(power, T{0})), both(std::nextafter(power, Limits::infinity()));
  }
}

// Random f64 numbers where the function lives: evenly in its interval, with evenly spread exponents
// around 1, near 1 and -1, and any bits at all.
template <class F>
void for_each_sample(const Function& function, std::int64_t count, F&& f) {
  std::mt19937_64 random(20);
  const auto unit = [&] { return double(random() >> 11) * 0x1p-53; };
  for (std::int64_t i = 0; i < count / 4; ++i) {
    f(function.low + (function.high - function.low) * unit());
    const double fraction = unit() - 0.5;
    f(std::ldexp(fraction, int(random() % 80) - 60));
    f(std::copysign(1 + std::ldexp(unit() - 0.5, -int(random() % 52)), fraction));
    f(std::bit_cast<double>(random()));
  }
}

void check(const math::Bound& bound, const Worst& worst, int operations) {
  INFO(std::string(bound.name), " ", std::string(name(bound.dtype)), ": ", worst.ulp, " ulp at ",
       worst.at, "; beyond the range ", worst.far, " at ", worst.far_at, "; ", operations,
       " operations");
  CHECK(worst.ulp <= bound.ulp);
  if (thinning == 1) CHECK(bound.ulp <= 1.3 * worst.ulp);  // else the bound promises too little
  CHECK(worst.far <= (bound.dtype == Dtype::F32 ? math::far_error_f32 : math::far_error_f64));
  CHECK(operations == bound.operations);
  if (exhaustive()) {
    MESSAGE(std::string(bound.name), " ", std::string(name(bound.dtype)), ": ", worst.ulp,
            " ulp at ", worst.at, ", beyond the range ", worst.far);
  }
}

TEST_CASE("every f32 function keeps its bound") {
  for (const Function& function : functions) {
    const math::Bound* bound = math::find_bound(function.name, Dtype::F32);
    REQUIRE(bound != nullptr);
    Sweep<float> sweep(function, *bound);
    for_each_edge<float>(sweep);
    const std::uint64_t stride = exhaustive() ? 1 : 257 * thinning * function.thinned;
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += stride) {
      sweep(std::bit_cast<float>(std::uint32_t(bits)));
    }
    check(*bound, sweep.finish(), sweep.operations());
  }
}

TEST_CASE("every f64 function keeps its bound") {
  for (const Function& function : functions) {
    const math::Bound* bound = math::find_bound(function.name, Dtype::F64);
    REQUIRE(bound != nullptr);
    Sweep<double> sweep(function, *bound);
    for_each_edge<double>(sweep);
    for_each_sample(function, (std::int64_t{1} << (exhaustive() ? 26 : 20)) / thinning, sweep);
    check(*bound, sweep.finish(), sweep.operations());
  }
}

// A function of two numbers. pow: pairs whose result is finite and not 1, near and far from x = 1;
// any bits at all; and every pair of edges.
template <class T, class Wide>
class PairSweep {
 public:
  using Expand = Code (*)(Arithmetic&, Code, Code);
  using Reference = Wide (*)(Wide, Wide);
  PairSweep(Expand expand, Reference reference) : expand_(expand), reference_(reference) {}

  void operator()(T x, T y) {
    x_[count_] = x, y_[count_] = y;
    if (++count_ == lanes) flush();
  }
  Worst finish() {
    while (count_ != 0) (*this)(T{1}, T{1});
    return worst_;
  }
  int operations() const { return arithmetic_.operations() - 2; }

 private:
  void flush() {
    constexpr Scalar scalar = sizeof(T) == 4 ? Scalar::F32 : Scalar::F64;
    count_ = 0;
    arithmetic_.reset();
    const Code x = arithmetic_.input(scalar, x_);
    const Code y = arithmetic_.input(scalar, y_);
    const T* out = arithmetic_.values<T>(expand_(arithmetic_, x, y));
    for (int i = 0; i < lanes; ++i) {
      const bool nan = std::isnan(x_[i]) || std::isnan(y_[i]);  // pow(NaN, 0) too
      const Wide exact = nan ? std::numeric_limits<Wide>::quiet_NaN() : reference_(x_[i], y_[i]);
      worst_.see(x_[i], wrong, ulps(out[i], exact), 0);
    }
  }

  Expand expand_;
  Reference reference_;
  EvaluatingArithmetic arithmetic_{lanes};
  T x_[lanes];
  T y_[lanes];
  int count_ = 0;
  Worst worst_;
};

template <class T, class Sweep>
void for_each_pair_of_edges(Sweep& sweep) {
  using Limits = std::numeric_limits<T>;
  std::vector<T> edges;
  for (T x : {T{0}, T{1}, T{2}, T{3}, T{1.5}, T{0.5}, T{1e30}, Limits::infinity(),
              Limits::quiet_NaN(), Limits::min(), Limits::denorm_min(), Limits::max(),
              std::ldexp(T{1}, Limits::digits) - 1, std::nextafter(T{1}, T{0})}) {
    edges.push_back(x), edges.push_back(-x);
  }
  for (T x : edges) {
    for (T y : edges) sweep(x, y);
  }
}

template <class T, class Wide, class Bits>
void check_power(Dtype dtype, std::int64_t count) {
  using Limits = std::numeric_limits<T>;
  PairSweep<T, Wide> sweep(math::pow, [](Wide x, Wide y) { return std::pow(x, y); });
  for_each_pair_of_edges<T>(sweep);
  std::mt19937_64 random(21);
  const auto signed_unit = [&] { return static_cast<T>(std::int64_t(random())) * T{0x1p-63}; };
  const auto any = [&] { return std::bit_cast<T>(static_cast<Bits>(random())); };
  for (std::int64_t i = 0; i < count / 4; ++i) {
    const T positive = std::fabs(any());
    const T most = Limits::max_exponent + Limits::digits;  // of |y log2 x|
    sweep(positive, signed_unit() * most / std::fabs(std::log2(positive)));
    const T near = 1 + std::ldexp(signed_unit(), -int(random() % Limits::digits));
    sweep(near, signed_unit() * most / std::fabs(std::log2(near)));
    sweep(positive, signed_unit() * 8);
    sweep(any(), any());
  }
  const math::Bound* bound = math::find_bound("pow", dtype);
  REQUIRE(bound != nullptr);
  check(*bound, sweep.finish(), sweep.operations());
}

TEST_CASE("pow keeps its bound and IEEE's special cases") {
  const std::int64_t count = (std::int64_t{1} << (exhaustive() ? 26 : 20)) / thinning;
  check_power<float, double, std::uint32_t>(Dtype::F32, count);
  check_power<double, long double, std::uint64_t>(Dtype::F64, count);
}

// Sides of any size, of nearly equal size, and any bits at all.
template <class T, class Wide, class Bits>
void check_angle(Dtype dtype, std::int64_t count) {
  PairSweep<T, Wide> sweep(math::atan2, [](Wide y, Wide x) { return std::atan2(y, x); });
  for_each_pair_of_edges<T>(sweep);
  std::mt19937_64 random(23);
  const auto signed_unit = [&] { return static_cast<T>(std::int64_t(random())) * T{0x1p-63}; };
  const auto any = [&] { return std::bit_cast<T>(static_cast<Bits>(random())); };
  for (std::int64_t i = 0; i < count / 4; ++i) {
    sweep(signed_unit(), signed_unit());
    const T x = signed_unit();
    sweep(x * (1 + std::ldexp(signed_unit(), -int(random() % 24))), x);
    sweep(std::ldexp(signed_unit(), int(random() % 80) - 40), signed_unit());
    sweep(any(), any());
  }
  const math::Bound* bound = math::find_bound("atan2", dtype);
  REQUIRE(bound != nullptr);
  check(*bound, sweep.finish(), sweep.operations());
}

TEST_CASE("atan2 keeps its bound and IEEE's special cases") {
  const std::int64_t count = (std::int64_t{1} << (exhaustive() ? 26 : 20)) / thinning;
  check_angle<float, double, std::uint32_t>(Dtype::F32, count);
  check_angle<double, long double, std::uint64_t>(Dtype::F64, count);
}

TEST_CASE("the odd functions are odd, bit for bit") {
  EvaluatingArithmetic arithmetic(lanes);
  std::mt19937 random(22);
  float x[lanes];
  float minus_x[lanes];
  for (int i = 0; i < lanes; ++i) {
    x[i] = std::bit_cast<float>(std::uint32_t(random()) & 0x7f7fffffu);
    minus_x[i] = -x[i];
  }
  for (auto* f : {math::tanh, math::sinh, math::sin, math::erf, math::atan}) {
    const float* a = arithmetic.values<float>(f(arithmetic, arithmetic.input(Scalar::F32, x)));
    const float* b =
        arithmetic.values<float>(f(arithmetic, arithmetic.input(Scalar::F32, minus_x)));
    for (int i = 0; i < lanes; ++i) CHECK(a[i] == -b[i]);
  }
}

}  // namespace
}  // namespace nodec
