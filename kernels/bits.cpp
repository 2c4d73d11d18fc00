// Bits of integers and of truth values: bit_and bit_or bit_xor, and of integers shift_left,
// shift_right (which keeps the sign) and shift_right_logical (which brings zeros). A shift takes
// its count from each element; a count below 0, or of the width and more, moves all bits out.
#include "kernels/build.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

Types shift_type(const Op& op) {
  const Types types = same_bits(op);
  if (types[0].dtype() == Dtype::Bool)
    fail(op, "wants i32 or i64, got bool", "cast to one of these first");
  return types;
}

int width_of(const Op& op) { return op.operands[0]->type.dtype() == Dtype::I64 ? 64 : 32; }

enum class Shift { Left, Right, Logical };

Code shifted_by(Arithmetic& e, Code x, Shift how, int bits) {
  if (how == Shift::Left) return e.shift_left(x, bits);
  return how == Shift::Right ? e.shift_right_signed(x, bits) : e.shift_right(x, bits);
}

// By 1, 2, 4, ... where the count has that bit: emitters shift by known counts.
template <Shift how>
Code lower_shift(Arithmetic& e, const Op& op, Codes x) {
  const int width = width_of(op);
  const Code gone =
      how == Shift::Right ? e.shift_right_signed(x[0], width - 1) : e.constant(x[0].scalar, 0);
  if (const std::optional<Uniform> known = uniform(op.operands[1])) {
    const bool inside = known->integer >= 0 && known->integer < width;
    return inside ? shifted_by(e, x[0], how, int(known->integer)) : gone;
  }
  const Code zero = e.constant(x[0].scalar, 0);
  const auto has = [&](Code bits) { return e.compare(Compare::Ne, e.bit_and(x[1], bits), zero); };
  Code y = x[0];
  for (int step = 1; step < width; step *= 2) {
    y = e.select(has(e.constant(x[0].scalar, step)), shifted_by(e, y, how, step), y);
  }
  return e.select(has(e.constant(x[0].scalar, -width)), gone, y);
}

// How i32 and i64 differ: an i32 arrives with its sign extended.
std::int64_t shift(const Integers& x, Shift how, int width) {
  const bool inside = x[1] >= 0 && x[1] < width;
  if (how == Shift::Left) return inside ? std::int64_t(std::uint64_t(x[0]) << x[1]) : 0;
  if (how == Shift::Right) return x[0] >> (inside ? x[1] : width - 1);
  const std::uint64_t bits = width == 64 ? std::uint64_t(x[0]) : std::uint32_t(x[0]);
  return inside ? std::int64_t(bits >> x[1]) : 0;
}

template <Shift how>
std::vector<Datum> eval_shift(const Op& op, Data x, Interpreter&) {
  Array out = x[0].array;
  for (std::int64_t i = 0; i < out.count(); ++i) {
    const std::int64_t operands[] = {x[0].array.integer(i), x[1].array.integer(i)};
    out.set_integer(i, shift(operands, how, width_of(op)));
  }
  return {std::move(out)};
}

// Of all three dtypes; shifts by amounts inside and outside of the width, and by a known one.
template <const Primitive& p>
void sample_bits(Builder& b, Dtype) {
  for (const Dtype dtype : {Dtype::I32, Dtype::I64, Dtype::Bool}) {
    Value *x = sample_arg(b, dtype), *y = sample_arg(b, dtype);
    b.region().results.push_back(b.value(p, {x, y}));
  }
}
template <const Primitive& p>
void sample_shift(Builder& b, Dtype) {
  for (const Dtype dtype : {Dtype::I32, Dtype::I64}) {
    Value *x = sample_arg(b, dtype), *n = sample_arg(b, dtype);
    const auto number = [&](std::int64_t value) {
      return broadcast_scalar(b, integer(b, dtype, value), x->type.shape());
    };
    Value* large = mul(b, x, number(0x2545f491));
    for (Value* count : {n, mul(b, n, number(3)), number(5), number(31), number(64)}) {
      b.region().results.push_back(b.value(p, {large, count}));
    }
  }
}

}  // namespace

constexpr Primitive bit_and_p = complete({
    .name = "bit_and",
    .arity = 2,
    .type = same_bits,
    .scalar = [](Reals x) { return double(std::int64_t(x[0]) & std::int64_t(x[1])); },
    .integer = [](Integers x) { return x[0] & x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.bit_and(x[0], x[1]); },
    .exact = true,
    .domain = {-9, 9},
    .sample = sample_bits<bit_and_p>,
});

constexpr Primitive bit_or_p = complete({
    .name = "bit_or",
    .arity = 2,
    .type = same_bits,
    .scalar = [](Reals x) { return double(std::int64_t(x[0]) | std::int64_t(x[1])); },
    .integer = [](Integers x) { return x[0] | x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.bit_or(x[0], x[1]); },
    .exact = true,
    .domain = {-9, 9},
    .sample = sample_bits<bit_or_p>,
});

constexpr Primitive bit_xor_p = complete({
    .name = "bit_xor",
    .arity = 2,
    .type = same_bits,
    .scalar = [](Reals x) { return double(std::int64_t(x[0]) ^ std::int64_t(x[1])); },
    .integer = [](Integers x) { return x[0] ^ x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.bit_xor(x[0], x[1]); },
    .exact = true,
    .domain = {-9, 9},
    .sample = sample_bits<bit_xor_p>,
});

constexpr Primitive shift_left_p = complete({
    .name = "shift_left",
    .arity = 2,
    .type = shift_type,
    .eval = eval_shift<Shift::Left>,
    .gradient = flat_gradient,
    .lower = lower_shift<Shift::Left>,
    .domain = {-2, 13},
    .sample = sample_shift<shift_left_p>,
});

constexpr Primitive shift_right_p = complete({
    .name = "shift_right",
    .arity = 2,
    .type = shift_type,
    .eval = eval_shift<Shift::Right>,
    .gradient = flat_gradient,
    .lower = lower_shift<Shift::Right>,
    .domain = {-2, 13},
    .sample = sample_shift<shift_right_p>,
});

constexpr Primitive shift_right_logical_p = complete({
    .name = "shift_right_logical",
    .arity = 2,
    .type = shift_type,
    .eval = eval_shift<Shift::Logical>,
    .gradient = flat_gradient,
    .lower = lower_shift<Shift::Logical>,
    .domain = {-2, 13},
    .sample = sample_shift<shift_right_logical_p>,
});

}  // namespace nodec
