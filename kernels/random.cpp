// Random numbers: key, fold_in, random_uniform, random_normal.
//
// Each element is its own draw of Philox4x32-10 (ir/philox.h has the generator and its citation):
// counter = the element's row-major index, key = the key. So a number depends on the key and on its
// place alone, never on the order of evaluation, the lanes or the threads. Keys are values: two
// arrays from one key are equal, and fold_in makes as many new keys as a program needs.
//
// Uniform: the first word's upper 24 bits (f32), or 53 bits of two words (f64), in [0, 1).
// Normal, by Box and Muller (1958): sqrt(-2 log u) cos(2 pi (v - 1/2)) with u in (0, 1], v in
// [0, 1); at most sqrt(2 * 24 log 2) = 5.77 in f32 and 8.57 in f64.
#include <array>
#include <cmath>
#include <numbers>

#include "ir/philox.h"
#include "kernels/build.h"
#include "kernels/math/math.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

using WordCodes = std::array<Code, 4>;

Code low_word(Arithmetic& e, Code x) { return e.convert(x, Scalar::I32); }
Code high_word(Arithmetic& e, Code x) { return e.convert(e.shift_right(x, 32), Scalar::I32); }

// philox::draw, emitted.
WordCodes draw(Arithmetic& e, Code key, Code index, std::uint32_t stream) {
  const auto word = [&e](std::uint32_t bits) { return e.constant_bits(Scalar::I32, bits); };
  WordCodes c{low_word(e, index), high_word(e, index), word(stream), word(0)};
  Code k0 = low_word(e, key), k1 = high_word(e, key);
  const Code m0 = word(philox::kMultiplier0), m1 = word(philox::kMultiplier1);
  for (int round = 0; round < philox::kRounds; ++round) {
    const Code high0 = e.mul_high_u32(m0, c[0]), low0 = e.mul(m0, c[0]);
    const Code high1 = e.mul_high_u32(m1, c[2]), low1 = e.mul(m1, c[2]);
    c = {e.bit_xor(e.bit_xor(high1, c[1]), k0), low1, e.bit_xor(e.bit_xor(high0, c[3]), k1), low0};
    k0 = e.add(k0, word(philox::kWeyl0));
    k1 = e.add(k1, word(philox::kWeyl1));
  }
  return c;
}

// Whole numbers below 2^24 (f32, from `a`) or 2^53 (f64, from `a` and `b`), exact as floats.
Code whole(Arithmetic& e, Scalar real, Code a, Code b) {
  if (real == Scalar::F32) return e.convert(e.shift_right(a, 8), real);
  const Code high = e.convert(e.shift_right(a, 5), real);
  const Code low = e.convert(e.shift_right(b, 6), real);
  return e.add(e.mul(high, e.constant(real, 0x1p26)), low);
}

double unit(Scalar real) { return real == Scalar::F32 ? 0x1p-24 : 0x1p-53; }

Code uniform(Arithmetic& e, const Op& op, Codes x, Code index) {
  const Scalar real = scalar_kind(op.attrs.get<Dtype>("dtype"));
  const WordCodes words = draw(e, x[0], index, philox::kElements);
  return e.mul(whole(e, real, words[0], words[1]), e.constant(real, unit(real)));
}

Code normal(Arithmetic& e, const Op& op, Codes x, Code index) {
  const Scalar real = scalar_kind(op.attrs.get<Dtype>("dtype"));
  const bool small = real == Scalar::F32;
  const WordCodes words = draw(e, x[0], index, philox::kElements);
  const Code first = whole(e, real, words[0], words[1]);
  const Code second = whole(e, real, words[small ? 1 : 2], words[3]);
  const auto number = [&](double value) { return e.constant(real, value); };
  const Code u = e.mul(e.add(first, number(1)), number(unit(real)));
  const Code v = e.sub(e.mul(second, number(unit(real))), number(0.5));
  const Code radius = e.sqrt(e.mul(number(-2), math::log(e, u)));
  return e.mul(radius, math::cos(e, e.mul(number(2 * std::numbers::pi), v)));
}

// The same in double.
double uniform_at(Dtype dtype, std::uint32_t a, std::uint32_t b) {
  return dtype == Dtype::F32 ? philox::uniform_f32(a) : philox::uniform_f64(a, b);
}

double uniform_of(Dtype dtype, const philox::Words& words) {
  return uniform_at(dtype, words[0], words[1]);
}

double normal_of(Dtype dtype, const philox::Words& words) {
  const bool small = dtype == Dtype::F32;
  const double u = uniform_of(dtype, words) + (small ? 0x1p-24 : 0x1p-53);
  const double v = uniform_at(dtype, words[small ? 1 : 2], words[3]) - 0.5;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

std::vector<Datum> eval_random(const Op& op, Data x, Interpreter& interpreter,
                               double (*number)(Dtype, const philox::Words&)) {
  const Dtype dtype = op.attrs.get<Dtype>("dtype");
  Array out = Array::zeros(dtype, evaluate(op.attrs.get<Shape>("shape"), interpreter));
  const auto key = std::uint64_t(x[0].array.integer());
  for (std::int64_t i = 0; i < out.count(); ++i) {
    out.set(i, number(dtype, philox::draw(key, std::uint64_t(i))));
  }
  return {std::move(out)};
}

Types random_type(const Op& op) {
  scalar_of(op, 0, Dtype::Key);
  const Dtype dtype = attribute<Dtype>(op, "dtype");
  if (!is_float(dtype)) {
    fail(op, fmt::format("draws f32 or f64, got {}", name(dtype)), "draw floats, and cast them");
  }
  return {Type::tensor(dtype, attribute<Shape>(op, "shape"))};
}

void sample_random(Builder& b, Dtype real, Value* (*draw)(Builder&, Value*, Dtype, Shape)) {
  Value* seed = sample_arg(b, Dtype::I64, {});
  Value* first = key(b, seed);
  Value* second = fold_in(b, first, integer(b, Dtype::I64, 1));
  const Dim batch = Dim::symbol("B");
  Value* x = sample_arg(b, real);  // so that B has a value
  b.region().results = {draw(b, first, real, {3, batch}), draw(b, second, real, {4, 5}),
                        draw(b, second, real, {}), neg(b, x)};
}

}  // namespace

// The seed's bits.
constexpr Primitive key_p = complete({
    .name = "key",
    .arity = 1,
    .type = [](const Op& op) -> Types {
      scalar_of(op, 0, Dtype::I64);
      return {Type::scalar(Dtype::Key)};
    },
    .eval =
        [](const Op&, Data x, Interpreter&) {
          return std::vector<Datum>{Array::scalar_integer(Dtype::Key, x[0].array.integer())};
        },
    .gradient = flat_gradient,
    .lower = [](Arithmetic&, const Op&, Codes x) { return x[0]; },
    .cost = Cost::Slow,
    .sample =
        [](Builder& b, Dtype real) {
          Value* seed = sample_arg(b, Dtype::I64, {});
          b.region().results = {random_uniform(b, key(b, seed), real, {3})};
        },
});

// A new key for each number.
constexpr Primitive fold_in_p = complete({
    .name = "fold_in",
    .arity = 2,
    .type = [](const Op& op) -> Types {
      scalar_of(op, 0, Dtype::Key);
      scalar_of(op, 1, Dtype::I64);
      return {Type::scalar(Dtype::Key)};
    },
    .eval =
        [](const Op&, Data x, Interpreter&) {
          const std::uint64_t folded = philox::fold_in(std::uint64_t(x[0].array.integer()),
                                                       std::uint64_t(x[1].array.integer()));
          return std::vector<Datum>{Array::scalar_integer(Dtype::Key, std::int64_t(folded))};
        },
    .gradient = flat_gradient,
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          const WordCodes words = draw(e, x[0], x[1], philox::kFolds);
          const Code low =
              e.bit_and(e.convert(words[0], Scalar::I64), e.constant_bits(Scalar::I64, 0xFFFFFFFF));
          return e.bit_or(e.shift_left(e.convert(words[1], Scalar::I64), 32), low);
        },
    .cost = Cost::Slow,
    .sample =
        [](Builder& b, Dtype real) {
          Value *seed = sample_arg(b, Dtype::I64, {}), *data = sample_arg(b, Dtype::I64, {});
          b.region().results = {random_uniform(b, fold_in(b, key(b, seed), data), real, {3})};
        },
});

constexpr Primitive random_uniform_p = complete({
    .name = "random_uniform",
    .arity = 1,
    .form = Form::Generate,
    .type = random_type,
    .eval = [](const Op& op, Data x,
               Interpreter& interpreter) { return eval_random(op, x, interpreter, uniform_of); },
    .gradient = flat_gradient,
    .generate = uniform,
    .sample = [](Builder& b, Dtype real) { sample_random(b, real, random_uniform); },
});

constexpr Primitive random_normal_p = complete({
    .name = "random_normal",
    .arity = 1,
    .form = Form::Generate,
    .type = random_type,
    .eval = [](const Op& op, Data x,
               Interpreter& interpreter) { return eval_random(op, x, interpreter, normal_of); },
    .gradient = flat_gradient,
    .generate = normal,
    .sample = [](Builder& b, Dtype real) { sample_random(b, real, random_normal); },
});

}  // namespace nodec
