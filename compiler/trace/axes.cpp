// Traced functions of axes: views, joins, reductions and contractions. An axis may be counted from
// the end; the ops underneath count from the front.
#include <algorithm>
#include <numeric>

#include "compiler/trace/access.h"
#include "compiler/trace/broadcast.h"
#include "compiler/trace/checked_axis.h"
#include "compiler/trace/ops.h"
#include "kernels/build.h"
#include "kernels/composed.h"
#include "kernels/join.h"

namespace nodec {

using tracing::Access;
using tracing::Content;
using tracing::with;

namespace tracing {

std::int64_t checked_axis(const Type& type, std::int64_t axis, const SourceLine& where) {
  const auto rank = std::int64_t(type.rank());
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw Error(fmt::format("there is no axis {} in {}", axis, type.str()), {{where, ""}},
              rank == 0 ? "a scalar has no axes"
                        : fmt::format("axes go from 0 to {}, or from -{} to -1", rank - 1, rank));
}

Axes checked_axes(const Type& type, const Axes& axes, const SourceLine& where) {
  Axes all;
  for (const std::int64_t axis : axes) all.push_back(checked_axis(type, axis, where));
  std::sort(all.begin(), all.end());
  if (std::adjacent_find(all.begin(), all.end()) == all.end()) return all;
  throw Error(fmt::format("an axis of {} is named twice", type.str()), {{where, ""}},
              "name each axis once");
}

}  // namespace tracing

using tracing::checked_axes;
using tracing::checked_axis;

namespace {

std::int64_t checked_axis(const Value* x, std::int64_t axis, const SourceLine& where) {
  return checked_axis(x->type, axis, where);
}

Axes in_order(const Type& type, Axes axes, const SourceLine& where) {
  for (std::int64_t& axis : axes) axis = checked_axis(type, axis, where);
  return axes;
}

// Of a product of which one side is a vector: in the sizes that the user wrote.
void check_lengths(const Value* a, const Value* b, Transposed transposed, const SourceLine& where) {
  const auto named = [](const Value* v) {
    return v->name.empty() ? v->type.str() : fmt::format("'{}' {}", v->name, v->type.str());
  };
  // A matrix's rows or columns; a stack's are its last two axes.
  const auto inner = [](const Value* v, bool last) {
    const Shape& shape = v->type.shape();
    return last || shape.size() == 1 ? shape.back() : shape[shape.size() - 2];
  };
  if (std::min(a->type.rank(), b->type.rank()) == 0) {
    throw Error(
        fmt::format("'matmul' multiplies matrices and vectors, got {} and {}", named(a), named(b)),
        {{where, "multiplied here"}}, "give both an axis to sum over, or multiply by the number");
  }
  const Dim left = inner(a, !transposed.a), right = inner(b, transposed.b);
  if (left == right) return;
  throw Error(fmt::format("'matmul' wants as many columns on the left as rows on the right, got {} "
                          "and {} ({} and {})",
                          named(a), named(b), left.str(), right.str()),
              {{where, "multiplied here"}}, "transpose the matrix, or give both one size");
}

}  // namespace

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
  return with(x, [&](Builder& b, Value* value) {
    const auto open = std::find(shape.begin(), shape.end(), Dim(-1));
    if (open == shape.end() || !value->type.is_tensor()) return reshape(b, value, shape);
    Shape others = shape;
    others.erase(others.begin() + (open - shape.begin()));
    const Dim count = element_count(value->type.shape());
    if (const auto rest = count.divided_by(element_count(others))) *open = *rest;
    return reshape(b, value, shape);
  });
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
  return Access::make(join(b, values, along), b.where());
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

#define NODEC_TRACED_FOLD(name)                                                         \
  Var name(Operand x) {                                                                 \
    return with(x, [](Builder& b, Value* v) { return name(b, v, all_axes(v->type)); }); \
  }                                                                                     \
  Var name(Operand x, Axes axes) {                                                      \
    return with(x, [&](Builder& b, Value* v) {                                          \
      return name(b, v, checked_axes(v->type, axes, x.where()));                        \
    });                                                                                 \
  }
NODEC_TRACED_FOLD(sum)
NODEC_TRACED_FOLD(mean)
NODEC_TRACED_FOLD(norm)
NODEC_TRACED_FOLD(max_over)
#undef NODEC_TRACED_FOLD

Var argmax(Operand x, std::int64_t axis) {
  return with(x,
              [&](Builder& b, Value* v) { return argmax(b, v, checked_axis(v, axis, x.where())); });
}

// A vector is a row on the left and a column on the right, and its axis is not in the result.
Var matmul(Operand a, Operand b, Transposed transposed) {
  return with(a, [&](Builder& builder, Value* left) {
    Value* right = Access::value(builder, b);
    const auto rank = [](const Value* v) { return v->type.is_tensor() ? v->type.rank() : 0; };
    const bool row = rank(left) == 1, column = rank(right) == 1;
    if ((row || column) && left->type.is_tensor() && right->type.is_tensor()) {
      check_lengths(left, right, transposed, builder.where());
    }
    if (row) left = reshape(builder, left, {1, left->type.shape()[0]});
    if (column) right = reshape(builder, right, {right->type.shape()[0], 1});
    const bool ta = transposed.a && !row, tb = transposed.b && !column;
    const bool stacks = rank(left) >= 2 && rank(right) >= 2 && rank(left) + rank(right) > 4;
    Value* product = stacks ? batched_matmul(builder, left, right, ta, tb)
                            : matmul(builder, left, right, ta, tb);
    if (!row && !column) return product;
    Shape shape = product->type.shape();
    if (column) shape.pop_back();
    if (row) shape.erase(shape.end() - (column ? 1 : 2));
    return reshape(builder, product, std::move(shape));
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

}  // namespace nodec
