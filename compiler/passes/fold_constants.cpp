// Folding on uniform constants. f32 arithmetic is done in double and rounded once: for add, sub,
// mul, div and sqrt that is the correctly rounded result (53 >= 2*24 + 2; Figueroa 1995).
#include "compiler/passes/fold_constants.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "ir/array.h"
#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

using Numbers = std::vector<Uniform>;

bool is_arithmetic(const Primitive* p) {
  return p == &add_p || p == &sub_p || p == &mul_p || p == &strong_mul_p || p == &div_p ||
         p == &neg_p || p == &abs_p || p == &sqrt_p;
}

double on_reals(const Primitive* p, double x, double y) {
  if (p == &strong_mul_p) return strong_mul_p.scalar(std::array{x, y});
  if (p == &add_p) return x + y;
  if (p == &sub_p) return x - y;
  if (p == &mul_p) return x * y;
  if (p == &div_p) return x / y;
  if (p == &neg_p) return -x;
  if (p == &abs_p) return std::fabs(x);
  return std::sqrt(x);
}

// Wraps; the caller narrows to the dtype.
std::int64_t on_integers(const Primitive* p, std::int64_t x, std::int64_t y) {
  const auto a = std::uint64_t(x), b = std::uint64_t(y);
  if (p == &add_p) return std::int64_t(a + b);
  if (p == &sub_p) return std::int64_t(a - b);
  if (p == &mul_p) return std::int64_t(a * b);
  if (p == &neg_p || x < 0) return std::int64_t(0 - a);
  return x;
}

std::int64_t wrapped(Dtype dtype, std::int64_t x) {
  Array cell = Array::zeros(dtype, {});
  cell.set_integer(0, x);
  return cell.integer();
}

std::optional<Uniform> arithmetic(const Primitive* p, const Numbers& x) {
  Uniform u = x[0];
  const Uniform& y = x.back();
  if (!u.is_real()) {
    if (p == &div_p || p == &sqrt_p) return std::nullopt;
    u.integer = wrapped(u.dtype, on_integers(p, u.integer, y.integer));
    return u;
  }
  u.real = on_reals(p, u.real, y.real);
  if (u.dtype == Dtype::F32) u.real = double(float(u.real));
  if (std::isnan(u.real)) return std::nullopt;
  return u;
}

std::optional<bool> comparison(const Primitive* p, const Numbers& x) {
  const auto holds = [&](auto a, auto b) -> std::optional<bool> {
    if (p == &eq_p) return a == b;
    if (p == &ne_p) return a != b;
    if (p == &lt_p) return a < b;
    if (p == &le_p) return a <= b;
    if (p == &gt_p) return a > b;
    if (p == &ge_p) return a >= b;
    return std::nullopt;
  };
  if (x.size() != 2) return std::nullopt;
  return x[0].is_real() ? holds(x[0].real, x[1].real) : holds(x[0].integer, x[1].integer);
}

std::optional<bool> logic(const Primitive* p, const Numbers& x) {
  if (p == &logical_not_p) return x[0].integer == 0;
  if (p == &logical_and_p) return x[0].integer != 0 && x[1].integer != 0;
  if (p == &logical_or_p) return x[0].integer != 0 || x[1].integer != 0;
  if (p == &is_finite_p) return std::isfinite(x[0].real);
  return std::nullopt;
}

Uniform converted(const Uniform& x, Dtype to) {
  Uniform u{to, 0, 0};
  if (u.is_real()) {
    // One rounding: an int64 does not pass through double on its way to f32.
    u.real = x.is_real() ? x.real : to == Dtype::F32 ? double(float(x.integer)) : double(x.integer);
    if (to == Dtype::F32) u.real = double(float(u.real));
    return u;
  }
  Array cell = Array::zeros(to, {});
  if (x.is_real()) cell.set(0, x.real);
  if (!x.is_real()) cell.set_integer(0, x.integer);
  u.integer = cell.integer();
  return u;
}

std::optional<Uniform> folded(const Op& op, const Numbers& x) {
  const Primitive* p = op.primitive;
  if (p->form == Form::View) return x[0];
  if (p == &cast_p) return converted(x[0], op.attrs.get<Dtype>("to"));
  if (is_arithmetic(p)) return arithmetic(p, x);
  std::optional<bool> truth = comparison(p, x);
  if (!truth) truth = logic(p, x);
  if (!truth) return std::nullopt;
  return Uniform{Dtype::Bool, 0, *truth ? 1 : 0};
}

// A branch whose predicate is known; one whose arms are not constant folds too.
Value* chosen(const Op& op) {
  if (op.primitive != &select_p) return nullptr;
  const std::optional<Uniform> pred = uniform(op.operands[0]);
  return pred ? op.operands[pred->integer != 0 ? 1 : 2] : nullptr;
}

Value* fold(Builder& b, const Op& op) {
  if (Value* arm = chosen(op)) return arm;
  if (op.primitive == &dim_p) {
    const Dim& size = op.attrs.get<Shape>("size").at(0);
    return size.is_constant() ? integer(b, Dtype::I64, size.constant()) : nullptr;
  }
  if (op.operands.empty() || op.results.size() != 1) return nullptr;
  Numbers numbers;
  for (const Value* operand : op.operands) {
    const std::optional<Uniform> number = uniform(operand);
    if (!number) return nullptr;
    numbers.push_back(*number);
  }
  const std::optional<Uniform> result = folded(op, numbers);
  return result ? constant(b, *result, op.result()->type.shape()) : nullptr;
}

bool fold_region(Region& region) {
  bool changed = false;
  changed |= rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) changed |= fold_region(*nested);
    Value* value = fold(b, op);
    if (!value) return std::nullopt;
    return std::vector<Value*>{value};
  });
  return changed;
}

}  // namespace

bool fold_constants(Graph& graph) { return fold_region(graph.body); }

}  // namespace nodec
