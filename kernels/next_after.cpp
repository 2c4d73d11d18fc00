// next_after(x, y): the float beside x on the way to y, y itself when they are equal. What "just
// behind t" means to a clock. The step from x to there has no size in real numbers, so the
// derivative is x's.
#include <cmath>

#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

std::vector<Datum> eval_next_after(const Op&, Data x, Interpreter&) {
  Array out = x[0].array;
  for (std::int64_t i = 0; i < out.count(); ++i) {
    const double from = x[0].array.real(i), to = x[1].array.real(i);
    out.set(i, out.dtype == Dtype::F32 ? std::nextafter(float(from), float(to))
                                       : std::nextafter(from, to));
  }
  return {std::move(out)};
}

// Floats of one sign are in the order of their bits. Zero has two, and NaN is the sum.
Code lower_next_after(Arithmetic& e, const Op&, Codes operands) {
  const Code x = operands[0], y = operands[1];
  const Scalar real = x.scalar, whole = real == Scalar::F64 ? Scalar::I64 : Scalar::I32;
  const std::uint64_t sign = real == Scalar::F64 ? std::uint64_t{1} << 63 : std::uint64_t{1} << 31;
  const Code zero = e.constant(real, 0), one = e.constant(whole, 1), bits = e.bitcast(x, whole);
  const Code up = e.compare(Compare::Lt, x, y), positive = e.compare(Compare::Gt, x, zero);
  const Code towards_zero = e.bit_xor(up, positive);
  Code next = e.select(towards_zero, e.sub(bits, one), e.add(bits, one));
  const Code least = e.select(up, one, e.constant_bits(whole, sign | 1));
  next = e.select(e.compare(Compare::Eq, x, zero), least, next);
  const Code moved = e.select(e.compare(Compare::Eq, x, y), y, e.bitcast(next, real));
  const Code nan = e.bit_or(e.compare(Compare::Ne, x, x), e.compare(Compare::Ne, y, y));
  return e.select(nan, e.add(x, y), moved);
}

}  // namespace

constexpr Primitive next_after_p = complete({
    .name = "next_after",
    .arity = 2,
    .type = same_float,
    .eval = eval_next_after,
    .gradient = {[](Builder&, const Op&, Cotangents dy) -> Values {
      return {dy[0], nullptr};
    }},
    .lower = lower_next_after,
});

}  // namespace nodec
