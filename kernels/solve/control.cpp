// The error norm and the two controllers; formulas and constants in the header.
#include "kernels/solve/control.h"

#include <limits>

namespace nodec {
namespace {

constexpr double kGamma = 0.9;
constexpr double kLargestGrowth = 10;
constexpr double kLargestCut = 5;
constexpr double kFirstError = 1e-4;

}  // namespace

double ulp_of_one(Dtype dtype) {
  return dtype == Dtype::F64 ? std::numeric_limits<double>::epsilon()
                             : double(std::numeric_limits<float>::epsilon());
}

Value* rms(Builder& b, const Values& xs) {
  Value* total = nullptr;
  Dim count = 0;
  for (Value* x : xs) {
    Value* squares = mul(b, x, x);
    if (x->type.rank() > 0) squares = sum(b, squares, all_axes(x->type));
    total = total ? add(b, total, squares) : squares;
    count = count + element_count(x->type.shape());
  }
  // Nothing at all has the size 0; of a symbolic size only a run shows that.
  if (count.is_constant() && count.constant() == 0) count = 1;
  Value* elements = dim(b, count);
  if (!count.is_constant()) elements = max(b, elements, integer(b, Dtype::I64, 1));
  return sqrt(b, div(b, total, cast(b, elements, total->type.dtype())));
}

Value* all_finite(Builder& b, const Values& xs) {
  Value* marks = nullptr;  // 0 x is NaN where x is not finite
  for (Value* x : xs) {
    Value* mark = mul(b, x, zeros(b, x->type));
    if (x->type.rank() > 0) mark = sum(b, mark, all_axes(x->type));
    marks = marks ? add(b, marks, mark) : mark;
  }
  return is_finite(b, marks);
}

Value* error_scale(Builder& b, Value* magnitude, Value* rtol, Value* atol) {
  const Shape& shape = magnitude->type.shape();
  Value *relative = broadcast_scalar(b, rtol, shape), *absolute = broadcast_scalar(b, atol, shape);
  return fma(b, relative, magnitude, absolute);
}

Value* error_norm(Builder& b, const Method& method, Value* dt, const Values& before,
                  const Step& step, Value* rtol, Value* atol) {
  Values scaled_errors;
  for (std::size_t i = 0; i < before.size(); ++i) {
    Value* after = step.states[i];
    Value* e = error_estimate(b, method, dt, step.stages, i);
    // An infinite new state would make its own scale infinite and its error look like zero; zero
    // times it is NaN, which rejects the step, and changes nothing otherwise.
    e = fma(b, after, zeros(b, after->type), e);
    Value *size_before = abs(b, before[i]), *size_after = abs(b, after);
    Value* size = max(b, size_before, size_after);
    Value *ratio = div(b, e, error_scale(b, size, rtol, atol)), *none = zeros(b, e->type);
    scaled_errors.push_back(select(b, eq(b, e, none), none, ratio));
  }
  return rms(b, scaled_errors);
}

Controller::Controller(std::string_view name, int order)
    : memory_(name == "pi"),
      b1_(memory_ ? 7.0 / (10 * order) : 1.0 / order),
      b2_(memory_ ? 2.0 / (5 * order) : 0) {
  if (name == "pi" || name == "i") return;
  throw Error(fmt::format("there is no step-size controller '{}'", name), {}, "name 'pi' or 'i'");
}

Value* Controller::start(Builder& b, Dtype dtype) const {
  return memory_ ? scalar(b, dtype, kFirstError) : nullptr;
}

Decision Controller::decide(Builder& b, Value* dt, Value* error, Value* errold) const {
  const Dtype dtype = error->type.dtype();
  const auto number = [&](double value) { return scalar(b, dtype, value); };
  Value* accepted = le(b, error, number(1));
  Value* power = pow(b, error, number(b1_));
  Value* cut = min(b, number(kLargestCut), div(b, power, number(kGamma)));
  cut = select(b, is_finite(b, error), cut, number(kLargestCut));
  Value* growth = memory_ ? div(b, power, pow(b, errold, number(b2_))) : power;
  growth =
      clamp(b, div(b, growth, number(kGamma)), number(1 / kLargestGrowth), number(kLargestCut));
  Value* next = div(b, dt, select(b, accepted, growth, cut));
  if (memory_) {
    errold = select(b, accepted, max(b, error, number(kFirstError)), errold);
  }
  return {accepted, next, errold};
}

}  // namespace nodec
