// Every arithmetic operation of the emitter, as machine code, against the host: the same bits, at
// 16, 8 and 4 lanes and as scalars, on edge cases and random values.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>

#include "tests/compiler/codegen/llvm/harness.h"

using namespace nodec;
using nodec::testing::map;

namespace {

constexpr std::int64_t kCount = 1024;

template <typename T>
Tensor samples(unsigned seed) {
  std::mt19937_64 random(seed);
  Tensor tensor(dtype_of<T>(), {kCount});
  const auto values = tensor.values<T>();
  if constexpr (std::is_floating_point_v<T>) {
    using L = std::numeric_limits<T>;
    const T edges[] = {T(0),
                       T(-0.0),
                       T(1),
                       T(-1),
                       T(0.5),
                       T(-0.5),
                       T(1.5),
                       T(2.5),
                       T(-2.5),
                       L::min(),
                       -L::min(),
                       L::denorm_min(),
                       -L::denorm_min(),
                       L::min() / 3,
                       L::max(),
                       L::lowest(),
                       L::infinity(),
                       -L::infinity(),
                       L::quiet_NaN(),
                       T(2147483648.0),
                       T(-2147483648.0),
                       T(9.3e18),
                       T(-9.3e18),
                       T(3e9),
                       T(1e30)};
    for (std::int64_t i = 0; i < kCount; ++i) {
      const int scale = int(random() % 80) - 40;
      const T uniform = T(double(random() >> 11) * 0x1p-52 - 1);
      values[std::size_t(i)] =
          i % 3 == int(seed % 3) ? edges[random() % std::size(edges)] : std::ldexp(uniform, scale);
    }
  } else {
    const T edges[] = {
        T(0), T(1),    T(-1), std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
        T(2), T(12345)};
    for (T& value : values) {
      value = random() % 3 == 0 ? edges[random() % std::size(edges)] : T(random());
    }
  }
  return tensor;
}

// Equal bits, any NaN equal to any other (payloads are outside the promise).
template <typename T>
bool same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return std::signbit(a) == std::signbit(b) && a == b;
  } else {
    return a == b;
  }
}

template <typename T>
std::string shown(T value) {
  return fmt::format("{}", value);
}

// The emitter's result for every sample is the host's.
template <typename Out, typename... In>
void agree(const char* what, const testing::Operation& operation, Out (*host)(In...)) {
  unsigned seed = 0;
  const auto next = [&] { return ++seed; };
  const std::tuple<std::conditional_t<true, Tensor, In>...> inputs{samples<In>(next())...};
  for (const CpuTarget& target : testing::targets()) {
    for (bool varying : {true, false}) {
      if (!varying && target.lanes != 8) continue;
      std::apply(
          [&](const auto&... in) {
            const Tensor got = map(target, varying, {&in...}, dtype_of<Out>(), operation);
            for (std::size_t i = 0; i < kCount; ++i) {
              const Out wanted = host(in.template values<In>()[i]...);
              const Out found = got.values<Out>()[i];
              if (same(wanted, found)) continue;
              FAIL(what << " at " << target.lanes << " lanes of ("
                        << (... + (shown(in.template values<In>()[i]) + ", ")) << "): wanted "
                        << shown(wanted) << ", got " << shown(found));
            }
          },
          inputs);
    }
  }
  CHECK(what);
}

using Args = std::vector<Code>;

// Truncation that saturates and maps NaN to 0.
template <typename To, typename From>
To saturated(From x) {
  if (std::isnan(x)) return 0;
  if (double(x) >= std::ldexp(1.0, sizeof(To) * 8 - 1)) return std::numeric_limits<To>::max();
  if (double(x) < -std::ldexp(1.0, sizeof(To) * 8 - 1)) return std::numeric_limits<To>::min();
  return To(x);
}

template <typename T>
void floats() {
  agree<T, T, T>(
      "add", [](Emitter& e, const Args& x) { return e.add(x[0], x[1]); },
      +[](T a, T b) { return a + b; });
  agree<T, T, T>(
      "sub", [](Emitter& e, const Args& x) { return e.sub(x[0], x[1]); },
      +[](T a, T b) { return a - b; });
  agree<T, T, T>(
      "mul", [](Emitter& e, const Args& x) { return e.mul(x[0], x[1]); },
      +[](T a, T b) { return a * b; });
  agree<T, T, T>(
      "div", [](Emitter& e, const Args& x) { return e.div(x[0], x[1]); },
      +[](T a, T b) { return a / b; });
  agree<T, T, T, T>(
      "fma", [](Emitter& e, const Args& x) { return e.fma(x[0], x[1], x[2]); },
      +[](T a, T b, T c) { return std::fma(a, b, c); });
  agree<T, T, T, T>(
      "mul then add", [](Emitter& e, const Args& x) { return e.add(e.mul(x[0], x[1]), x[2]); },
      +[](T a, T b, T c) {
        volatile T product = a * b;
        return T(product + c);
      });
  agree<T, T>(
      "neg", [](Emitter& e, const Args& x) { return e.neg(x[0]); }, +[](T a) { return -a; });
  agree<T, T>(
      "abs", [](Emitter& e, const Args& x) { return e.abs(x[0]); },
      +[](T a) { return std::fabs(a); });
  agree<T, T>(
      "sqrt", [](Emitter& e, const Args& x) { return e.sqrt(x[0]); },
      +[](T a) { return std::sqrt(a); });
  agree<T, T>(
      "floor", [](Emitter& e, const Args& x) { return e.floor(x[0]); },
      +[](T a) { return std::floor(a); });
  agree<T, T>(
      "round_even", [](Emitter& e, const Args& x) { return e.round_even(x[0]); },
      +[](T a) { return std::nearbyint(a); });
}

template <typename T>
void integers() {
  using U = std::make_unsigned_t<T>;
  agree<T, T, T>(
      "add", [](Emitter& e, const Args& x) { return e.add(x[0], x[1]); },
      +[](T a, T b) { return T(U(a) + U(b)); });
  agree<T, T, T>(
      "sub", [](Emitter& e, const Args& x) { return e.sub(x[0], x[1]); },
      +[](T a, T b) { return T(U(a) - U(b)); });
  agree<T, T, T>(
      "mul", [](Emitter& e, const Args& x) { return e.mul(x[0], x[1]); },
      +[](T a, T b) { return T(U(a) * U(b)); });
  agree<T, T>(
      "neg", [](Emitter& e, const Args& x) { return e.neg(x[0]); }, +[](T a) { return T(-U(a)); });
  agree<T, T>(
      "abs", [](Emitter& e, const Args& x) { return e.abs(x[0]); },
      +[](T a) { return a < 0 ? T(-U(a)) : a; });
  agree<T, T, T>(
      "bits",
      [](Emitter& e, const Args& x) {
        return e.bit_xor(e.bit_and(x[0], x[1]), e.bit_or(x[0], e.constant_bits(x[0].scalar, 0x55)));
      },
      +[](T a, T b) { return T((a & b) ^ (a | T(0x55))); });
  agree<T, T>(
      "shifts",
      [](Emitter& e, const Args& x) {
        return e.add(e.shift_left(x[0], 3),
                     e.add(e.shift_right(x[0], 5), e.shift_right_signed(x[0], 7)));
      },
      +[](T a) { return T((U(a) << 3) + (U(a) >> 5) + U(a >> 7)); });
}

// Each comparison in its own bit.
template <typename T>
void comparisons() {
  agree<std::int32_t, T, T>(
      "compare",
      [](Emitter& e, const Args& x) {
        Code mask = e.constant(Scalar::I32, 0);
        for (int how = 0; how < 6; ++how) {
          const Code bit = e.convert(e.compare(Compare(how), x[0], x[1]), Scalar::I32);
          mask = e.bit_or(mask, e.shift_left(bit, how));
        }
        return mask;
      },
      +[](T a, T b) {
        return (a == b) | (a != b) << 1 | (a < b) << 2 | (a <= b) << 3 | (a > b) << 4 |
               (a >= b) << 5;
      });
  agree<T, T, T, T>(
      "select",
      [](Emitter& e, const Args& x) {
        return e.select(e.compare(Compare::Lt, x[0], x[1]), x[2], x[0]);
      },
      +[](T a, T b, T c) { return a < b ? c : a; });
}

template <typename To, typename From>
void conversion(Scalar to) {
  agree<To, From>(
      "convert", [to](Emitter& e, const Args& x) { return e.convert(x[0], to); },
      +[](From a) {
        if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
          return saturated<To>(a);
        } else {
          return To(a);
        }
      });
}

}  // namespace

TEST_CASE("float arithmetic is the host's, bit for bit") {
  floats<float>();
  floats<double>();
}

TEST_CASE("integer arithmetic wraps as two's complement") {
  integers<std::int32_t>();
  integers<std::int64_t>();
  agree<std::int32_t, std::int32_t, std::int32_t>(
      "mul_high_u32", [](Emitter& e, const Args& x) { return e.mul_high_u32(x[0], x[1]); },
      +[](std::int32_t a, std::int32_t b) {
        return std::int32_t(std::uint64_t(std::uint32_t(a)) * std::uint32_t(b) >> 32);
      });
}

TEST_CASE("comparisons and selects agree, NaN and signed zero included") {
  comparisons<float>();
  comparisons<double>();
  comparisons<std::int32_t>();
  comparisons<std::int64_t>();
}

TEST_CASE("conversions truncate, saturate, map NaN to zero, and round to nearest") {
  conversion<std::int32_t, float>(Scalar::I32);
  conversion<std::int32_t, double>(Scalar::I32);
  conversion<std::int64_t, float>(Scalar::I64);
  conversion<std::int64_t, double>(Scalar::I64);
  conversion<float, std::int32_t>(Scalar::F32);
  conversion<float, std::int64_t>(Scalar::F32);
  conversion<double, std::int32_t>(Scalar::F64);
  conversion<double, std::int64_t>(Scalar::F64);
  conversion<float, double>(Scalar::F32);
  conversion<double, float>(Scalar::F64);
  conversion<std::int32_t, std::int64_t>(Scalar::I32);
  conversion<std::int64_t, std::int32_t>(Scalar::I64);
  agree<float, float>(
      "convert_in_range",
      [](Emitter& e, const Args& x) {
        const Code limit = e.constant(Scalar::F32, 1e6);
        const Code small = e.compare(Compare::Lt, e.abs(x[0]), limit);
        const Code tame = e.select(small, x[0], limit);
        return e.convert(e.convert_in_range(tame, Scalar::I32), Scalar::F32);
      },
      +[](float a) { return std::fabs(a) < 1e6F ? std::trunc(a) + 0.0F : 1e6F; });
}

TEST_CASE("predicates combine, count and convert") {
  agree<float, float, float>(
      "predicates",
      [](Emitter& e, const Args& x) {
        const Code zero = e.constant(Scalar::F32, 0);
        const Code a = e.compare(Compare::Lt, x[0], zero), b = e.compare(Compare::Lt, x[1], zero);
        const Code either = e.bit_and(e.bit_or(a, b), e.bit_xor(a, e.constant(Scalar::Pred, 0)));
        const Code integer = e.convert(e.convert(x[0], Scalar::Pred), Scalar::I32);
        return e.add(e.convert(either, Scalar::F32), e.convert(integer, Scalar::F32));
      },
      +[](float a, float b) { return float(((a < 0) || (b < 0)) && (a < 0)) + float(a != 0); });
}

TEST_CASE("bit patterns pass between kinds unchanged") {
  agree<std::int32_t, float>(
      "bits of f32",
      [](Emitter& e, const Args& x) {
        const Code clean = e.select(e.compare(Compare::Eq, x[0], x[0]), x[0],
                                    e.constant_bits(Scalar::F32, 0x7fc00000));
        return e.bitcast(clean, Scalar::I32);
      },
      +[](float a) { return std::isnan(a) ? 0x7fc00000 : std::bit_cast<std::int32_t>(a); });
  agree<double, std::int64_t>(
      "bits to f64", [](Emitter& e, const Args& x) { return e.bitcast(x[0], Scalar::F64); },
      +[](std::int64_t a) { return std::bit_cast<double>(a); });
}

TEST_CASE("uniform and varying operands mix") {
  agree<float, float>(
      "mixed",
      [](Emitter& e, const Args& x) {
        const Code two = e.constant(Scalar::F32, 2), one = e.constant(Scalar::F32, 1);
        const Code pred = e.compare(Compare::Lt, one, two);
        return e.select(pred, e.fma(two, x[0], one), e.sub(one, x[0]));
      },
      +[](float a) { return std::fma(2.0F, a, 1.0F); });
}
