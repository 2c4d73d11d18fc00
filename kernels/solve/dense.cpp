// Bisection over frames, and the interpolant.
#include "kernels/solve/dense.h"

#include "kernels/solve/loop.h"

namespace nodec {
namespace {

struct Bracket {
  Value *low, *high;  // the frame is in [low, high)

  template <class F>
  void each(F&& f) {
    f(low, "low"), f(high, "high");
  }
};

struct Search {
  Value *tape, *t;

  template <class F>
  void each(F&& f) {
    f(tape, "tape"), f(t, "t");
  }
};

// (low + high) / 2, through f64, which is exact for every i32.
Value* middle(Builder& b, const Bracket& s) {
  Value* sum = cast(b, add(b, s.low, s.high), Dtype::F64);
  return cast(b, mul(b, sum, scalar(b, Dtype::F64, 0.5)), Dtype::I32);
}

Value* find_frame(Builder& b, Value* tape, Value* accepted, Value* t) {
  const Bracket all{integer(b, Dtype::I32, 0), accepted};
  const auto more_than_one = [](Builder& in, const Bracket& s, const Search&) {
    Value* size = sub(in, s.high, s.low);
    return gt(in, size, integer(in, Dtype::I32, 1));
  };
  const auto halve = [](Builder& in, const Bracket& s, const Search& search) -> Bracket {
    Value* mid = middle(in, s);
    const Op& frame = tape_read(in, search.tape, mid);
    // The sign of dt is the direction of time.
    Value* ahead = mul(in, sub(in, search.t, frame.result(0)), frame.result(1));
    Value* reached = ge(in, ahead, zeros(in, ahead->type));
    return {select(in, reached, mid, s.low), select(in, reached, s.high, mid)};
  };
  return emit_while(b, all, Search{tape, t}, more_than_one, halve).low;
}

// b_s(theta) by Horner's rule; null where the polynomial is zero.
Value* weight(Builder& b, const double* coefficients, Value* theta) {
  const Dtype dtype = theta->type.dtype();
  int power = kMaxDense;
  while (power > 0 && coefficients[power - 1] == 0) --power;
  if (power == 0) return nullptr;
  Value* w = scalar(b, dtype, coefficients[--power]);
  while (power-- > 0) {
    const double c = coefficients[power];
    w = c == 0 ? mul(b, w, theta) : fma(b, w, theta, scalar(b, dtype, c));
  }
  return mul(b, w, theta);
}

}  // namespace

Values interpolate(Builder& b, const Method& method, Value* tape, Value* accepted, Value* t,
                   std::size_t states) {
  const Op& frame = tape_read(b, tape, find_frame(b, tape, accepted, t));
  Value* dt = frame.result(1);
  Value* theta = div(b, sub(b, t, frame.result(0)), dt);
  Values z;
  for (std::size_t i = 0; i < states; ++i) z.push_back(frame.result(2 + i));
  for (std::size_t s = 0; s < std::size_t(method.stages); ++s) {
    Value* w = weight(b, method.dense[s], theta);
    if (!w) continue;
    Value* factor = mul(b, dt, w);
    for (std::size_t i = 0; i < states; ++i) {
      z[i] = scaled_plus(b, factor, frame.result(2 + states * (1 + s) + i), z[i]);
    }
  }
  return z;
}

}  // namespace nodec
