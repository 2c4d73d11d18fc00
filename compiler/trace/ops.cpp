// Traced functions: operands to values, broadcasting, one op each.
#include "compiler/trace/ops.h"

#include <algorithm>
#include <numeric>

#include "compiler/trace/access.h"
#include "compiler/trace/broadcast.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;
using tracing::Content;

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

// One operand, and a function of the builder and its value.
template <class F>
Var with(const Operand& x, const F& make) {
  Builder b = tracing::builder_at(x.where());
  return Access::make(make(b, Access::value(b, x)), x.where());
}

// Counted from the front; `type` is of what has the axis.
std::int64_t checked_axis(const Type& type, std::int64_t axis, const SourceLine& where) {
  const auto rank = std::int64_t(type.rank());
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw Error(fmt::format("there is no axis {} in {}", axis, type.str()), {{where, ""}},
              rank == 0 ? "a scalar has no axes"
                        : fmt::format("axes go from 0 to {}, or from -{} to -1", rank - 1, rank));
}
std::int64_t checked_axis(const Value* x, std::int64_t axis, const SourceLine& where) {
  return checked_axis(x->type, axis, where);
}

Axes in_order(const Type& type, Axes axes, const SourceLine& where) {
  for (std::int64_t& axis : axes) axis = checked_axis(type, axis, where);
  return axes;
}

Axes checked_axes(const Value* x, const Axes& axes, const SourceLine& where) {
  Axes all = in_order(x->type, axes, where);
  std::sort(all.begin(), all.end());
  if (std::adjacent_find(all.begin(), all.end()) == all.end()) return all;
  throw Error(fmt::format("an axis of {} is named twice", x->type.str()), {{where, ""}},
              "name each axis once");
}

Content map_content(const Content& content, const std::function<Value*(Value*)>& f) {
  std::vector<Value*> mapped;
  for (Value* leaf : tracing::leaves(content)) mapped.push_back(f(leaf));
  return tracing::from_leaves(content.type, mapped);
}

}  // namespace

#define NODEC_TRACED_UNARY(name) \
  Var name(Operand x) { return unary(name##_p, x); }
NODEC_TRACED_UNARY(abs)
NODEC_TRACED_UNARY(sign)
NODEC_TRACED_UNARY(exp)
NODEC_TRACED_UNARY(exp2)
NODEC_TRACED_UNARY(expm1)
NODEC_TRACED_UNARY(log)
NODEC_TRACED_UNARY(log2)
NODEC_TRACED_UNARY(log1p)
NODEC_TRACED_UNARY(sqrt)
NODEC_TRACED_UNARY(rsqrt)
NODEC_TRACED_UNARY(tanh)
NODEC_TRACED_UNARY(sigmoid)
NODEC_TRACED_UNARY(softplus)
NODEC_TRACED_UNARY(relu)
NODEC_TRACED_UNARY(sin)
NODEC_TRACED_UNARY(cos)
NODEC_TRACED_UNARY(erf)
NODEC_TRACED_UNARY(floor)
NODEC_TRACED_UNARY(is_finite)
#undef NODEC_TRACED_UNARY

Var operator-(Operand x) { return unary(neg_p, x); }
Var operator!(Operand x) { return unary(logical_not_p, x); }

Var operator+(Operand a, Operand b) { return binary(add_p, "+", a, b); }
Var operator-(Operand a, Operand b) { return binary(sub_p, "-", a, b); }
Var operator*(Operand a, Operand b) { return binary(mul_p, "*", a, b); }
Var operator/(Operand a, Operand b) { return binary(div_p, "/", a, b); }
Var operator==(Operand a, Operand b) { return binary(eq_p, "==", a, b); }
Var operator!=(Operand a, Operand b) { return binary(ne_p, "!=", a, b); }
Var operator<(Operand a, Operand b) { return binary(lt_p, "<", a, b); }
Var operator<=(Operand a, Operand b) { return binary(le_p, "<=", a, b); }
Var operator>(Operand a, Operand b) { return binary(gt_p, ">", a, b); }
Var operator>=(Operand a, Operand b) { return binary(ge_p, ">=", a, b); }
Var operator&&(Operand a, Operand b) { return binary(logical_and_p, "&&", a, b); }
Var operator||(Operand a, Operand b) { return binary(logical_or_p, "||", a, b); }
Var pow(Operand x, Operand y) { return binary(pow_p, "pow", x, y); }
Var min(Operand x, Operand y) { return binary(min_p, "min", x, y); }
Var max(Operand x, Operand y) { return binary(max_p, "max", x, y); }

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

Var iota(Dtype dtype, Shape shape, std::int64_t axis, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  axis = checked_axis(Type::tensor(dtype, shape), axis, b.where());
  return Access::make(iota(b, dtype, std::move(shape), axis), b.where());
}

Var size(Operand x, std::int64_t axis) {
  return with(x, [&](Builder& b, Value* value) {
    return dim(b, value->type.shape().at(std::size_t(checked_axis(value, axis, x.where()))));
  });
}

Var key(Operand seed) {
  const Type like = Type::scalar(Dtype::I64);
  Builder b = tracing::builder_at(seed.where());
  return Access::make(key(b, Access::value(b, seed, &like)), seed.where());
}

Var fold_in(Operand key, Operand data) {
  const Type like = Type::scalar(Dtype::I64);
  return with(key, [&](Builder& b, Value* value) {
    return fold_in(b, value, Access::value(b, data, &like));
  });
}

Var random_uniform(Operand key, Shape shape, Dtype dtype) {
  return with(key,
              [&](Builder& b, Value* value) { return random_uniform(b, value, dtype, shape); });
}

Var random_normal(Operand key, Shape shape, Dtype dtype) {
  return with(key, [&](Builder& b, Value* value) { return random_normal(b, value, dtype, shape); });
}

Var broadcast_to(Operand x, Shape shape, Axes axes) {
  return with(x, [&](Builder& b, Value* value) {
    return broadcast_to(b, value, shape, in_order(value->type.with_shape(shape), axes, x.where()));
  });
}

Var broadcast_to(Operand x, Shape shape) {
  return with(x, [&](Builder& b, Value* value) {
    return tracing::shaped("broadcast_to", b, x, value->type.with_shape(shape));
  });
}

Var reshape(Operand x, Shape shape) {
  return with(x, [&](Builder& b, Value* value) { return reshape(b, value, shape); });
}

Var transpose(Operand x) {
  return with(x, [](Builder& b, Value* value) {
    Axes perm(value->type.rank());
    std::iota(perm.rbegin(), perm.rend(), 0);
    return transpose(b, value, perm);
  });
}

Var transpose(Operand x, Axes perm) {
  return with(x, [&](Builder& b, Value* value) {
    return transpose(b, value, in_order(value->type, perm, x.where()));
  });
}

Var slice(Operand x, std::int64_t axis, std::int64_t start, Dim size) {
  return with(x, [&](Builder& b, Value* value) {
    return slice(b, value, checked_axis(value, axis, x.where()), start, size);
  });
}

Var Var::at(std::int64_t i, Here where) const {
  return with(Operand(*this, where), [&](Builder& b, Value* value) {
    checked_axis(value, 0, b.where());
    const Shape& shape = value->type.shape();
    return reshape(b, slice(b, value, 0, i, Dim(1)), Shape(shape.begin() + 1, shape.end()));
  });
}

namespace {

std::vector<Value*> values_of(const std::vector<Var>& xs, std::string_view op,
                              const SourceLine& where) {
  if (xs.empty()) {
    throw Error(fmt::format("{} needs at least one operand", op), {{where, ""}}, "give it one");
  }
  std::vector<Value*> values;
  for (const Var& x : xs) {
    const Content content = Access::content(x, where);
    if (content.is_record()) {
      throw Error(fmt::format("{} joins tensors, and got the record {}", op, content.type.str()),
                  {{where, ""}}, "name one of its fields");
    }
    values.push_back(content.value);
  }
  return values;
}

}  // namespace

Var concat(const std::vector<Var>& xs, std::int64_t axis, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  std::vector<Value*> values = values_of(xs, "concat", b.where());
  const std::int64_t along = checked_axis(values.front(), axis, b.where());
  return Access::make(concat(b, std::move(values), along), b.where());
}

Var stack(const std::vector<Var>& xs, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  std::vector<Value*> values = values_of(xs, "stack", b.where());
  for (Value*& value : values) {
    Shape shape = value->type.shape();
    shape.insert(shape.begin(), Dim(1));
    value = reshape(b, value, std::move(shape));
  }
  return Access::make(concat(b, std::move(values), 0), b.where());
}

#define NODEC_TRACED_FOLD(name)                                                                 \
  Var name(Operand x) {                                                                         \
    return with(x, [](Builder& b, Value* v) { return name(b, v, all_axes(v->type)); });         \
  }                                                                                             \
  Var name(Operand x, Axes axes) {                                                              \
    return with(                                                                                \
        x, [&](Builder& b, Value* v) { return name(b, v, checked_axes(v, axes, x.where())); }); \
  }
NODEC_TRACED_FOLD(sum)
NODEC_TRACED_FOLD(mean)
NODEC_TRACED_FOLD(max_over)
#undef NODEC_TRACED_FOLD

Var argmax(Operand x, std::int64_t axis) {
  return with(x,
              [&](Builder& b, Value* v) { return argmax(b, v, checked_axis(v, axis, x.where())); });
}

Var matmul(Operand a, Operand b, Transposed transposed) {
  return with(a, [&](Builder& builder, Value* left) {
    return matmul(builder, left, Access::value(builder, b), transposed.a, transposed.b);
  });
}

Var gather(Operand table, Operand indices) {
  return with(
      table, [&](Builder& b, Value* value) { return gather(b, value, Access::value(b, indices)); });
}

Var one_hot(Operand indices, std::int64_t depth, Dtype dtype) {
  return with(indices, [&](Builder& b, Value* value) { return one_hot(b, value, depth, dtype); });
}

Var softmax(Operand x, std::int64_t axis) {
  return with(
      x, [&](Builder& b, Value* v) { return softmax(b, v, checked_axis(v, axis, x.where())); });
}

Var log_softmax(Operand x, std::int64_t axis) {
  return with(
      x, [&](Builder& b, Value* v) { return log_softmax(b, v, checked_axis(v, axis, x.where())); });
}

Var map_leaves(const std::vector<Var>& records,
               const std::function<Var(const std::vector<Var>& leaves)>& f, Here where) {
  const SourceLine line = SourceLine::of(where);
  std::vector<std::vector<Value*>> columns;
  for (const Var& record : records) {
    columns.push_back(tracing::leaves(Access::content(record, line)));
    if (tracing::leaf_names(record.type()) == tracing::leaf_names(records.front().type())) continue;
    throw Error(fmt::format("records differ in their leaves: {} and {}",
                            records.front().type().str(), record.type().str()),
                {{line, ""}}, "give records of one structure");
  }
  std::vector<Value*> mapped;
  for (std::size_t i = 0; i < columns.at(0).size(); ++i) {
    std::vector<Var> leaves;
    for (const auto& column : columns) leaves.push_back(Access::make(column[i], line));
    mapped.push_back(Access::content(f(leaves), line).value);
  }
  return Access::make(tracing::from_leaves(records.front().type(), mapped), line);
}

Var flat(const Var& record, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  std::vector<Value*> parts;
  for (Value* leaf : tracing::leaves(Access::content(record, b.where()))) {
    parts.push_back(reshape(b, leaf, {element_count(leaf->type.shape())}));
  }
  if (parts.empty()) {
    throw Error("a record without leaves has no flat form", {{b.where(), ""}}, "skip it");
  }
  return Access::make(parts.size() == 1 ? parts.front() : concat(b, std::move(parts), 0),
                      b.where());
}

Var unflat(const Var& vector, const Type& record, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  Value* all = Access::value(b, Operand(vector, where));
  std::int64_t start = 0;
  std::vector<Value*> leaves;
  for (const Type& leaf : tracing::leaf_types(record)) {
    const Dim count = element_count(leaf.shape());
    if (!count.is_constant()) {
      throw Error(fmt::format("a leaf {} has no fixed size", leaf.str()), {{b.where(), ""}},
                  "only records of fixed sizes can be taken from a flat vector");
    }
    leaves.push_back(reshape(b, slice(b, all, 0, start, count), leaf.shape()));
    start += count.constant();
  }
  if (all->type.shape() != Shape{Dim(start)}) {
    throw Error(
        fmt::format("the leaves take {} numbers, and the vector is {}", start, all->type.str()),
        {{b.where(), ""}}, "give a vector made by flat from such a record");
  }
  return Access::make(tracing::from_leaves(record, leaves), b.where());
}

}  // namespace nodec
