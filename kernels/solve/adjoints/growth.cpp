// Quotients of squares, guarded where squares leave the range of floats.
#include "kernels/solve/adjoints/growth.h"

#include <limits>

#include "kernels/solve/adjoints/per_sample.h"

namespace nodec {
namespace {

constexpr double kStep = 100, kRun = 300;  // of |lambda|
constexpr double kDust = 1e-2;             // of |lambda| before the run

// Squares that grow by this much and overflow are large, whatever they were.
constexpr double kHeadroom = 0x1p-20;

double greatest(Dtype dtype) {
  return dtype == Dtype::F64 ? std::numeric_limits<double>::max()
                             : double(std::numeric_limits<float>::max());
}

// Whether a quotient by `squares` means anything: they neither underflow nor leave no headroom.
Value* comparable(Builder& b, Value* squares) {
  const Dtype dtype = squares->type.dtype();
  Value* normal = ge(b, squares, splat(b, squares, least_normal(dtype)));
  return logical_and(b, normal, le(b, squares, splat(b, squares, kHeadroom * greatest(dtype))));
}

// The larger of x and y; y where x is no number, so that what was seen before stays seen.
Value* above(Builder& b, Value* x, Value* y) { return select(b, gt(b, x, y), x, y); }

}  // namespace

Growth no_growth(Builder& b, const Values& squares) {
  Growth g;
  for (const Value* like : squares) {
    g.run.push_back(splat(b, like, 1));
    g.level.push_back(splat(b, like, least_normal(like->type.dtype())));
    g.worst.push_back(zeros(b, like->type));
  }
  return g;
}

Growth grown_by(Builder& b, const Growth& before, const StepSquares& step) {
  Growth g = before;
  for (std::size_t i = 0; i < step.begin.size(); ++i) {
    Value *begin = step.begin[i], *end = step.end[i];
    const auto number = [&](double x) { return splat(b, begin, x); };
    Value *none = number(0), *one = number(1), *meant = comparable(b, begin);
    Value* inverse = select(b, meant, div(b, one, begin), none);
    Value *quotient = mul(b, end, inverse), *rate = mul(b, step.along[i], inverse);
    Value* unexplained = exp(b, min(b, mul(b, number(-2), rate), none));
    Value* at_rest = le(b, before.run[i], one);
    g.level[i] = select(b, at_rest, max(b, before.level[i], begin), before.level[i]);
    g.run[i] = above(b, mul(b, before.run[i], mul(b, quotient, unexplained)), one);
    Value* counts = ge(b, end, mul(b, number(kDust * kDust), g.level[i]));
    Value* by_run = select(b, counts, mul(b, g.run[i], number(1 / (kRun * kRun))), none);
    Value* by_step = mul(b, quotient, number(1 / (kStep * kStep)));
    g.worst[i] = above(b, by_run, above(b, by_step, before.worst[i]));
  }
  return g;
}

Value* worst_growth(Builder& b, const Growth& growth) {
  Value* all = nullptr;
  for (Value* x : growth.worst) {
    if (x->type.rank() > 0) x = max_over(b, x, all_axes(x->type));
    all = all ? max(b, all, x) : x;
  }
  return all;
}

}  // namespace nodec
