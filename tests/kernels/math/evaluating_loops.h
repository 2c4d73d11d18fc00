// The loops over lanes behind EvaluatingArithmetic, one function for each operand kind.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "ir/arithmetic.h"

// The loops are worth vectorising, and std::fma is a library call without fma instructions.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define NODEC_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#else
#define NODEC_CLONES
#endif

namespace nodec::evaluating {

enum class Op { Add, Sub, Mul, Div, Fma, Neg, Sqrt, Abs, RoundEven, Floor };
enum class BitOp { Add, Sub, Mul, Neg, And, Or, Xor, Left, Right, RightSigned, MulHigh };

template <class Out, class In, class F>
[[gnu::always_inline]] inline void each(int n, Out* out, const In* a, const In* b, const In* c,
                                        F f) {
  for (int i = 0; i < n; ++i) out[i] = f(a[i], b[i], c[i]);
}

template <class T>
[[gnu::always_inline]] inline void floats(Op op, int n, T* out, const T* a, const T* b,
                                          const T* c) {
  switch (op) {
    case Op::Add:
      return each(n, out, a, b, c, [](T x, T y, T) { return x + y; });
    case Op::Sub:
      return each(n, out, a, b, c, [](T x, T y, T) { return x - y; });
    case Op::Mul:
      return each(n, out, a, b, c, [](T x, T y, T) { return x * y; });
    case Op::Div:
      return each(n, out, a, b, c, [](T x, T y, T) { return x / y; });
    case Op::Fma:
      return each(n, out, a, b, c, [](T x, T y, T z) { return std::fma(x, y, z); });
    case Op::Neg:
      return each(n, out, a, b, c, [](T x, T, T) { return -x; });
    case Op::Sqrt:
      return each(n, out, a, b, c, [](T x, T, T) { return std::sqrt(x); });
    case Op::Abs:
      return each(n, out, a, b, c, [](T x, T, T) { return std::fabs(x); });
    case Op::RoundEven:
      return each(n, out, a, b, c, [](T x, T, T) { return std::nearbyint(x); });
    case Op::Floor:
      return each(n, out, a, b, c, [](T x, T, T) { return std::floor(x); });
  }
}

template <class T>  // unsigned
[[gnu::always_inline]] inline void integers(BitOp op, int n, T* out, const T* a, const T* b,
                                            int shift) {
  using Signed = std::make_signed_t<T>;
  switch (op) {
    case BitOp::Add:
      return each(n, out, a, b, b, [](T x, T y, T) { return x + y; });
    case BitOp::Sub:
      return each(n, out, a, b, b, [](T x, T y, T) { return x - y; });
    case BitOp::Mul:
      return each(n, out, a, b, b, [](T x, T y, T) { return x * y; });
    case BitOp::Neg:
      return each(n, out, a, b, b, [](T x, T, T) { return T{0} - x; });
    case BitOp::And:
      return each(n, out, a, b, b, [](T x, T y, T) { return x & y; });
    case BitOp::Or:
      return each(n, out, a, b, b, [](T x, T y, T) { return x | y; });
    case BitOp::Xor:
      return each(n, out, a, b, b, [](T x, T y, T) { return x ^ y; });
    case BitOp::Left:
      return each(n, out, a, b, b, [=](T x, T, T) { return x << shift; });
    case BitOp::Right:
      return each(n, out, a, b, b, [=](T x, T, T) { return x >> shift; });
    case BitOp::RightSigned:
      return each(n, out, a, b, b,
                  [=](T x, T, T) { return static_cast<T>(static_cast<Signed>(x) >> shift); });
    case BitOp::MulHigh:
      return each(n, out, a, b, b,
                  [](T x, T y, T) { return static_cast<T>((std::uint64_t{x} * y) >> 32); });
  }
}

template <class T>
[[gnu::always_inline]] inline void compares(Compare how, int n, std::int32_t* out, const T* a,
                                            const T* b) {
  switch (how) {
    case Compare::Eq:
      return each(n, out, a, b, b, [](T x, T y, T) { return -(x == y); });
    case Compare::Ne:
      return each(n, out, a, b, b, [](T x, T y, T) { return -(x != y); });
    case Compare::Lt:
      return each(n, out, a, b, b, [](T x, T y, T) { return -(x < y); });
    case Compare::Le:
      return each(n, out, a, b, b, [](T x, T y, T) { return -(x <= y); });
    case Compare::Gt:
      return each(n, out, a, b, b, [](T x, T y, T) { return -(x > y); });
    case Compare::Ge:
      return each(n, out, a, b, b, [](T x, T y, T) { return -(x >= y); });
  }
}

template <class T>
[[gnu::always_inline]] inline void selects(int n, T* out, const std::int32_t* pred, const T* a,
                                           const T* b) {
  for (int i = 0; i < n; ++i) out[i] = pred[i] != 0 ? a[i] : b[i];
}

template <class To, class From>
To saturated(From x) {
  if (x != x) return 0;
  if (x >= -static_cast<From>(std::numeric_limits<To>::min()))
    return std::numeric_limits<To>::max();
  if (x <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  return static_cast<To>(x);
}

NODEC_CLONES static void run(Op op, int n, float* out, const float* a, const float* b,
                             const float* c) {
  floats(op, n, out, a, b, c);
}
NODEC_CLONES static void run(Op op, int n, double* out, const double* a, const double* b,
                             const double* c) {
  floats(op, n, out, a, b, c);
}
NODEC_CLONES static void run(BitOp op, int n, std::uint32_t* out, const std::uint32_t* a,
                             const std::uint32_t* b, int shift) {
  integers(op, n, out, a, b, shift);
}
NODEC_CLONES static void run(BitOp op, int n, std::uint64_t* out, const std::uint64_t* a,
                             const std::uint64_t* b, int shift) {
  integers(op, n, out, a, b, shift);
}
NODEC_CLONES static void run(Compare how, int n, std::int32_t* out, const void* a, const void* b,
                             Scalar of) {
  switch (of) {
    case Scalar::F32:
      return compares(how, n, out, static_cast<const float*>(a), static_cast<const float*>(b));
    case Scalar::F64:
      return compares(how, n, out, static_cast<const double*>(a), static_cast<const double*>(b));
    case Scalar::I64:
      return compares(how, n, out, static_cast<const std::int64_t*>(a),
                      static_cast<const std::int64_t*>(b));
    default:
      return compares(how, n, out, static_cast<const std::int32_t*>(a),
                      static_cast<const std::int32_t*>(b));
  }
}
NODEC_CLONES static void run_select(int n, void* out, const void* pred, const void* a,
                                    const void* b, bool wide) {
  const auto* p = static_cast<const std::int32_t*>(pred);
  if (wide) {
    selects(n, static_cast<std::int64_t*>(out), p, static_cast<const std::int64_t*>(a),
            static_cast<const std::int64_t*>(b));
  } else {
    selects(n, static_cast<std::int32_t*>(out), p, static_cast<const std::int32_t*>(a),
            static_cast<const std::int32_t*>(b));
  }
}
template <class To, class From>
[[gnu::always_inline]] inline void casts(int n, void* out, const void* a) {
  const auto* from = static_cast<const From*>(a);
  each(n, static_cast<To*>(out), from, from, from,
       [](From x, From, From) { return static_cast<To>(x); });
}
template <class From>
[[gnu::always_inline]] inline void cast_from(Scalar to, int n, void* out, const void* a) {
  switch (to) {
    case Scalar::I32:
      return casts<std::int32_t, From>(n, out, a);
    case Scalar::I64:
      return casts<std::int64_t, From>(n, out, a);
    case Scalar::F32:
      return casts<float, From>(n, out, a);
    case Scalar::F64:
      return casts<double, From>(n, out, a);
    default:
      throw std::logic_error("a conversion to a predicate or pointer");
  }
}
NODEC_CLONES static void run_cast(Scalar from, Scalar to, int n, void* out, const void* a) {
  switch (from) {
    case Scalar::I32:
      return cast_from<std::int32_t>(to, n, out, a);
    case Scalar::I64:
      return cast_from<std::int64_t>(to, n, out, a);
    case Scalar::F32:
      return cast_from<float>(to, n, out, a);
    case Scalar::F64:
      return cast_from<double>(to, n, out, a);
    default:
      throw std::logic_error("a conversion from a pointer");
  }
}

}  // namespace nodec::evaluating
