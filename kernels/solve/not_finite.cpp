// Of N components, an element that is not finite in the k-th look has the key k N + component, so a
// sample's least key is what it met first. Keys are negated, since `max_over` folds in one way
// only.
#include "kernels/solve/not_finite.h"

#include <algorithm>
#include <limits>

#include "kernels/solve/step.h"

namespace nodec {
namespace {

// Of an element that met nothing.
constexpr std::int64_t kNone = std::numeric_limits<std::int32_t>::min() + 1;

Value* whole(Builder& b, const Shape& shape, std::int64_t value) {
  return broadcast_scalar(b, integer(b, Dtype::I32, value), shape);
}

std::vector<std::int64_t> known_axes(const Shape& shape) {
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].is_constant()) axes.push_back(std::int64_t(i));
  }
  return axes;
}

std::int64_t component_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t axis : known_axes(shape)) count *= shape[std::size_t(axis)].constant();
  return count;
}

// -(first + row-major index over the known axes).
Value* negated_components(Builder& b, const Shape& shape, std::int64_t first) {
  Value* sum = whole(b, shape, -first);
  const auto axes = known_axes(shape);
  std::int64_t stride = 1;
  for (std::size_t k = axes.size(); k-- > 0;) {
    Value* index = iota(b, Dtype::I32, shape, axes[k]);
    if (stride != 1) index = mul(b, index, whole(b, shape, stride));
    sum = sub(b, sum, index);
    stride *= shape[std::size_t(axes[k])].constant();
  }
  return sum;
}

std::int64_t total_components(const Values& states) {
  std::int64_t total = 0;
  for (const Value* state : states) total += component_count(state->type.shape());
  return total;
}

// What each sample of one state met first; `looks` hold a value for every state.
Value* keys_of(Builder& b, const std::vector<Values>& looks, std::size_t state) {
  const Shape& shape = looks.front()[state]->type.shape();
  const std::int64_t total = total_components(looks.front());
  std::int64_t first = 0;
  for (std::size_t i = 0; i < state; ++i) first += component_count(looks[0][i]->type.shape());
  Value *component = negated_components(b, shape, first), *key = whole(b, shape, kNone);
  for (std::size_t k = looks.size(); k-- > 0;) {
    Value* here = sub(b, component, whole(b, shape, std::int64_t(k) * total));
    key = select(b, is_finite(b, looks[k][state]), key, here);
  }
  const auto axes = known_axes(shape);
  return axes.empty() ? key : max_over(b, key, axes);
}

// Of states that have the same samples, what any of them met first.
Values by_samples(Builder& b, const std::vector<Values>& looks) {
  Values groups;
  for (std::size_t i = 0; i < looks.front().size(); ++i) {
    Value* one = keys_of(b, looks, i);
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const Value* group) { return group->type == one->type; });
    if (same == groups.end()) {
      groups.push_back(one);
    } else {
      *same = max(b, *same, one);
    }
  }
  return groups;
}

// The key of the lowest sample that has one, and that sample. In i32, so that the vectors of a
// program in f32 are as wide as its floats'.
std::pair<Value*, Value*> lowest_sample(Builder& b, Value* keys) {
  const Shape& shape = keys->type.shape();
  if (shape.empty()) return {keys, integer(b, Dtype::I32, -1)};
  const auto axes = all_axes(keys->type);
  Value *none = whole(b, shape, kNone), *index = iota(b, Dtype::I32, shape, 0);
  Value *found = gt(b, keys, none), *before = neg(b, index);
  Value* lowest = neg(b, max_over(b, select(b, found, before, none), axes));
  Value* here = eq(b, index, broadcast_scalar(b, lowest, shape));
  return {max_over(b, select(b, here, keys, none), axes), lowest};
}

// x mod y, in numbers that hold every i32.
Value* remainder(Builder& b, Value* x, std::int64_t y) {
  Value *divisor = scalar(b, Dtype::F64, double(y)), *number = cast(b, x, Dtype::F64);
  Value* whole_part = mul(b, floor(b, div(b, number, divisor)), divisor);
  return cast(b, sub(b, number, whole_part), Dtype::I32);
}

NotFinite told(Builder& b, const std::vector<Values>& looks) {
  const std::int64_t total = total_components(looks.front());
  Value *none = integer(b, Dtype::I32, kNone), *unknown = integer(b, Dtype::I32, -1);
  Value *key = none, *sample = unknown;
  for (Value* group : by_samples(b, looks)) {
    const auto [found, at] = lowest_sample(b, group);
    Value* earlier = gt(b, key, none);
    key = select(b, earlier, key, found);
    sample = select(b, earlier, sample, at);
  }
  Value *any = gt(b, key, none), *component = remainder(b, neg(b, key), total);
  return {select(b, any, component, unknown), select(b, any, sample, unknown)};
}

// The states and slopes at both ends of the step that failed.
std::vector<Values> along(Builder& b, const SolveView& solve, const LastStep& last) {
  if (!last.dt) return {last.states};
  const Dynamics dynamics(solve, last.captures);
  Values there, cells = last.cells, again = last.cells;
  const Values slopes = dynamics.evaluate(b, last.t, last.states, cells).slopes;
  for (std::size_t i = 0; i < last.states.size(); ++i) {
    there.push_back(scaled_plus(b, last.dt, slopes[i], last.states[i]));
  }
  Value* end = add(b, last.t, last.dt);
  return {last.states, slopes, there, dynamics.evaluate(b, end, there, again).slopes};
}

}  // namespace

NotFinite first_not_finite(Builder& b, const SolveView& solve, const LastStep& last) {
  return told(b, along(b, solve, last));
}

}  // namespace nodec
