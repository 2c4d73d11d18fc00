// Traced functions: operands to values, broadcasting, one op each. Those of axes are in axes.cpp,
// those of records in records.cpp.
#include "compiler/trace/ops.h"

#include "compiler/trace/access.h"
#include "compiler/trace/broadcast.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;
using tracing::Content;
using tracing::with;

namespace {

Var unary(const Primitive& primitive, const Operand& x) {
  Builder b = tracing::builder_at(x.where());
  return Access::make(b.value(primitive, {Access::value(b, x)}), x.where());
}

Var binary(const Primitive& primitive, std::string_view spelling, const Operand& x,
           const Operand& y) {
  const SourceLine where = x.is_number() ? y.where() : x.where();
  Builder b = tracing::builder_at(where);
  const auto [left, right] = tracing::alike(spelling, b, x, y);
  return Access::make(b.value(primitive, {left, right}), where);
}

// The 64 bits that keys are made from; of fewer, a loop's turn, their number.
Value* key_bits(Builder& b, const Operand& x) {
  const Type like = Type::scalar(Dtype::I64);
  Value* value = Access::value(b, x, &like);
  return value->type == Type::scalar(Dtype::I32) ? cast(b, value, Dtype::I64) : value;
}

Content map_content(const Content& content, const std::function<Value*(Value*)>& f) {
  std::vector<Value*> mapped;
  for (Value* leaf : tracing::leaves(content)) mapped.push_back(f(leaf));
  return tracing::from_leaves(content.type, mapped);
}

}  // namespace

#define NODEC_UNARY(name) \
  Var name(Operand x) { return unary(name##_p, x); }
#define NODEC_UNARY_OPERATOR(name, spelling) \
  Var operator spelling(Operand x) { return unary(name##_p, x); }
#define NODEC_BINARY(name) \
  Var name(Operand x, Operand y) { return binary(name##_p, #name, x, y); }
#define NODEC_BINARY_OPERATOR(name, spelling) \
  Var operator spelling(Operand x, Operand y) { return binary(name##_p, #spelling, x, y); }
#include "kernels/catalogue.def"

Var operator~(Operand x) {
  return with(x, [](Builder& b, Value* value) {
    if (value->type.is_tensor() && value->type.dtype() == Dtype::Bool) return logical_not(b, value);
    // Others than these bit_xor refuses itself: u8 holds no -1.
    const bool wide = value->type.is_tensor() && bytes(value->type.dtype()) >= 4;
    return bit_xor(b, value, wide ? splat(b, value, -1) : value);
  });
}

#define NODEC_TRACED_COMPOUND(sign)                          \
  Var& operator sign##=(Var& x, Operand y) {                 \
    const SourceLine where = y.where();                      \
    const Var result = Access::beside(x, y) sign y;          \
    Access::store(x, Access::content(result, where), where); \
    return x;                                                \
  }                                                          \
  Field operator sign##=(Field x, Operand y) {               \
    const Var result = Access::beside(x, y) sign y;          \
    return x = Operand(result);                              \
  }
NODEC_TRACED_COMPOUND(+)
NODEC_TRACED_COMPOUND(-)
NODEC_TRACED_COMPOUND(*)
NODEC_TRACED_COMPOUND(/)
#undef NODEC_TRACED_COMPOUND

Var fma(Operand x, Operand y, Operand z) {
  Builder b = tracing::builder_at(x.where());
  const auto [p, q] = tracing::alike("fma", b, x, y);
  return Access::make(fma(b, p, q, tracing::shaped("fma", b, z, p->type)), x.where());
}

Var clamp(Operand x, Operand low, Operand high) {
  return with(x, [&](Builder& b, Value* value) {
    Value* floor = tracing::shaped("clamp", b, low, value->type);
    return clamp(b, value, floor, tracing::shaped("clamp", b, high, value->type));
  });
}

Var select(Operand pred, Operand if_true, Operand if_false) {
  Builder b = tracing::builder_at(pred.where());
  const auto [p, q] = tracing::alike("select", b, if_true, if_false);
  const Type bools = p->type.with_dtype(Dtype::Bool);
  return Access::make(select(b, tracing::shaped("select", b, pred, bools), p, q), pred.where());
}

Var polygamma(Operand x, int order) {
  return with(x, [&](Builder& b, Value* value) { return polygamma(b, value, order); });
}

Var cast(Operand x, Dtype to) {
  return with(x, [&](Builder& b, Value* value) { return cast(b, value, to); });
}

Var to_device(Operand x, int device) {
  return with(x, [&](Builder& b, Value* value) {
    return b.value(to_device_p, {value}, {{"device", std::int64_t(device)}});
  });
}

Var stop_gradient(const Var& x, Here where) {
  const SourceLine line = SourceLine::of(where);
  Builder b = tracing::builder_at(line);
  return Access::make(
      map_content(Access::content(x, line), [&](Value* leaf) { return stop_gradient(b, leaf); }),
      line);
}

Var constant(double value, Dtype dtype, Shape shape, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  return Access::make(constant(b, dtype, std::move(shape), value), b.where());
}

Var constant(std::vector<double> values, Dtype dtype, Shape shape, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  if (shape.empty()) shape = {Dim(std::int64_t(values.size()))};
  return Access::make(constant(b, dtype, std::move(shape), std::move(values)), b.where());
}

Var constant(std::initializer_list<double> values, Dtype dtype, Shape shape, Here where) {
  return constant(std::vector<double>(values), dtype, std::move(shape), where);
}

Var zeros(const Type& type, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  std::vector<Value*> all;
  for (const Type& leaf : tracing::leaf_types(type)) all.push_back(zeros(b, leaf));
  return Access::make(tracing::from_leaves(type, all), b.where());
}

Var zeros_like(const Var& x, Here where) { return zeros(x.type(where), where); }

Var ones_like(const Var& x, Here where) {
  const SourceLine line = SourceLine::of(where);
  Builder b = tracing::builder_at(line);
  return Access::make(
      map_content(Access::content(x, line), [&](Value* leaf) { return splat(b, leaf, 1); }), line);
}

Var key(Operand seed) {
  Builder b = tracing::builder_at(seed.where());
  return Access::make(key(b, key_bits(b, seed)), seed.where());
}

Var fold_in(Operand key, Operand data) {
  return with(key, [&](Builder& b, Value* value) { return fold_in(b, value, key_bits(b, data)); });
}

Var random_uniform(Operand key, Shape shape, Dtype dtype) {
  return with(key,
              [&](Builder& b, Value* value) { return random_uniform(b, value, dtype, shape); });
}

Var random_normal(Operand key, Shape shape, Dtype dtype) {
  return with(key, [&](Builder& b, Value* value) { return random_normal(b, value, dtype, shape); });
}

}  // namespace nodec
