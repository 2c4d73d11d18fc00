// Between dtypes. A float becomes an integer by truncation, saturated at the ends, NaN as 0; a
// wider integer keeps its low bits; bool is 0 or 1, and `x != 0` the other way (a NaN is true).
#include "kernels/build.h"
#include "kernels/identities.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

Types cast_type(const Op& op) {
  const Type& type = tensor(op, 0);
  const Dtype to = attribute<Dtype>(op, "to");
  if (type.dtype() == Dtype::Key || to == Dtype::Key) {
    fail(op, fmt::format("cannot turn {} into {}", described(*op.operands[0]), name(to)),
         "make keys with 'key' and 'fold_in', and numbers with the random ops");
  }
  return {type.with_dtype(to)};
}

// U8 lives in an I32: the result is brought into 0 ... 255 here, as its memory would.
Code to_byte(Arithmetic& e, Code x) {
  if (x.scalar == Scalar::I64 || x.scalar == Scalar::I32) {
    const Code word = x.scalar == Scalar::I64 ? e.convert(x, Scalar::I32) : x;
    return e.bit_and(word, e.constant(Scalar::I32, 255));
  }
  const Code word = e.convert(x, Scalar::I32);
  if (x.scalar == Scalar::Pred) return word;
  const Code zero = e.constant(Scalar::I32, 0), most = e.constant(Scalar::I32, 255);
  const Code raised = e.select(e.compare(Compare::Lt, word, zero), zero, word);
  return e.select(e.compare(Compare::Gt, raised, most), most, raised);
}

Code lower_cast(Arithmetic& e, const Op& op, Codes x) {
  const Dtype to = op.attrs.get<Dtype>("to");
  const Scalar scalar = scalar_kind(to);
  if (to == Dtype::U8) return op.operands[0]->type.dtype() == to ? x[0] : to_byte(e, x[0]);
  if (x[0].scalar == scalar) return x[0];
  if (to == Dtype::Bool) return e.compare(Compare::Ne, x[0], e.constant(x[0].scalar, 0));
  return e.convert(x[0], scalar);
}

void sample_cast(Builder& b, Dtype real) {
  Value* x = sample_arg(b, real);
  Value* i = sample_arg(b, Dtype::I32);
  Value* i64 = cast(b, i, Dtype::I64);
  Value* wide = mul(b, i64, splat(b, i64, 3e9));
  Value* huge = mul(b, x, splat(b, x, 0x1p40));  // exact in every float
  Values& results = b.region().results;
  results = {wide, cast(b, x, real == Dtype::F32 ? Dtype::F64 : Dtype::F32)};
  for (const Dtype to : {Dtype::Bool, Dtype::U8, Dtype::I32, Dtype::I64}) {
    results.push_back(cast(b, x, to));
    results.push_back(cast(b, huge, to));
    results.push_back(cast(b, cast(b, i, to), real));
    if (to != Dtype::I64) results.push_back(cast(b, wide, to));
  }
}

}  // namespace

constexpr Primitive cast_p = complete({
    .name = "cast",
    .arity = 1,
    .type = cast_type,
    .scalar = [](Reals x) { return x[0]; },
    .integer = [](Integers x) { return x[0]; },
    .gradient = {.rule = [](Builder& b, const Op& y, Cotangents dy) -> Values {
                   const Dtype from = y.operands[0]->type.dtype();
                   return {is_float(from) ? cast(b, dy[0], from) : nullptr};
                 },
                 .stairs = true,
                 .linear = true},
    .lower = lower_cast,
    .simplify = if_same_type,
    .sample = sample_cast,
});

}  // namespace nodec
