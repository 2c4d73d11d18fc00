// concat and pad: several operands, or one and zeros, side by side in one buffer.
#include "kernels/join.h"

#include <algorithm>

#include "kernels/build.h"
#include "kernels/composed.h"
#include "kernels/composed_axis.h"
#include "kernels/elements.h"
#include "kernels/identities.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

Types concat_type(const Op& op) {
  const Type& first = tensor(op, 0);
  const auto axis = std::size_t(axis_attribute(op, "axis", first.rank()));
  Shape shape = first.shape();
  std::string wrong;
  for (std::size_t i = 1; i < op.operands.size(); ++i) {
    Type other = tensor(op, i);
    if (other.rank() == first.rank()) {
      Shape aligned = other.shape();
      shape[axis] = shape[axis] + aligned[axis];
      aligned[axis] = first.shape()[axis];
      other = other.with_shape(aligned);
    }
    if (other == first) continue;
    wrong += fmt::format("{}operand {} is {} ({})", wrong.empty() ? "" : "; ", i,
                         described(*op.operands[i]), differences(first, other));
  }
  if (!wrong.empty()) {
    fail(op,
         fmt::format("joins along axis {} what agrees otherwise; operand 0 is {}, but {}", axis,
                     described(*op.operands[0]), wrong),
         "cast, broadcast or slice the operands to agree on all other axes");
  }
  return {first.with_shape(shape)};
}

std::vector<Datum> eval_concat(const Op& op, Data x, Interpreter&) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  Dims dims = x[0].array.dims;
  dims.at(axis) = 0;
  for (const Datum& part : x) dims[axis] += part.array.dims.at(axis);
  Array out = Array::zeros(x[0].array.dtype, dims);
  const Dims step = strides(dims);
  std::int64_t start = 0;
  for (const Datum& part : x) {
    each_index(part.array.dims, [&](std::int64_t flat, const Dims& index) {
      copy_element(out, offset(index, step) + start * step[axis], part.array, flat);
    });
    start += part.array.dims[axis];
  }
  return {std::move(out)};
}

// Where a part starts must be a number, since that is what `slice` takes.
std::int64_t known_start(const Op& op, const Dim& start) {
  if (!start.is_constant()) {
    throw Error(fmt::format("the derivative of '{}' needs the sizes before each part as numbers, "
                            "got {}",
                            op.name(), start.str()),
                {{op.where, ""}}, "put the part whose size is a symbol last");
  }
  return start.constant();
}

Values concat_gradient(Builder& b, const Op& y, Cotangents dy) {
  const std::int64_t axis = y.attrs.get<std::int64_t>("axis");
  Values dx;
  Dim start = 0;
  for (const Value* part : y.operands) {
    const Dim& size = part->type.shape()[std::size_t(axis)];
    dx.push_back(slice(b, dy[0], axis, known_start(y, start), size));
    start = start + size;
  }
  return dx;
}

Types pad_type(const Op& op) {
  const Type& x = tensor(op, 0);
  const auto axis = std::size_t(axis_attribute(op, "axis", x.rank()));
  const Dim &before = dim_attribute(op, "before"), &after = dim_attribute(op, "after");
  if ((before.is_constant() && before.constant() < 0) ||
      (after.is_constant() && after.constant() < 0)) {
    fail(op,
         fmt::format("cannot put {} and {} zeros around {}", before.str(), after.str(),
                     described(*op.operands[0])),
         "take elements away with 'slice'");
  }
  Shape shape = x.shape();
  shape[axis] = before + shape[axis] + after;
  return {x.with_shape(shape)};
}

std::vector<Datum> eval_pad(const Op& op, Data x, Interpreter& interpreter) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  const std::int64_t before = evaluate(op.attrs.get<Shape>("before"), interpreter).at(0);
  const std::int64_t after = evaluate(op.attrs.get<Shape>("after"), interpreter).at(0);
  if (before < 0 || after < 0) {
    fail(op, fmt::format("cannot put {} and {} zeros around its operand", before, after),
         "take elements away with 'slice'");
  }
  Dims dims = x[0].array.dims;
  dims.at(axis) += before + after;
  Array out = Array::zeros(x[0].array.dtype, dims);
  const Dims step = strides(dims);
  each_index(x[0].array.dims, [&](std::int64_t flat, const Dims& index) {
    copy_element(out, offset(index, step) + before * step[axis], x[0].array, flat);
  });
  return {std::move(out)};
}

// The operands' blocks along the axis, turn by turn of the axes before it.
Values concat_elements(Builder&, const Op& op, ElementsOf x) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  const Shape& shape = op.result()->type.shape();
  const std::int64_t turns =
      element_count({shape.begin(), shape.begin() + std::ptrdiff_t(axis)}).constant();
  Values made;
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    for (const Values& one : x) {
      const std::ptrdiff_t block = std::ptrdiff_t(one.size()) / turns;
      made.insert(made.end(), one.begin() + block * turn, one.begin() + block * (turn + 1));
    }
  }
  return made;
}

Values pad_elements(Builder& b, const Op& op, ElementsOf x) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  const std::int64_t before = op.attrs.get<Shape>("before")[0].constant();
  const Dims inner = fixed_dims(op.operands[0]->type), step = strides(inner);
  Value* zero = zeros(b, element_type(op.result()->type));
  Values made;
  each_index(fixed_dims(op.result()->type), [&](std::int64_t, Dims index) {
    index[axis] -= before;
    const bool inside = index[axis] >= 0 && index[axis] < inner[axis];
    made.push_back(inside ? x[0][std::size_t(offset(index, step))] : zero);
  });
  return made;
}

// But for their sizes along the axis.
bool agree(const std::vector<Value*>& parts, std::int64_t axis) {
  const auto without = [&](const Value* x) {
    Shape shape = x->type.shape();
    shape.at(std::size_t(axis)) = 1;
    return x->type.with_shape(std::move(shape));
  };
  const Type& first = parts.front()->type;
  return std::all_of(parts.begin(), parts.end(), [&](const Value* x) {
    return x->type.is_tensor() && x->type.rank() == first.rank() &&
           without(x) == without(parts.front());
  });
}

}  // namespace

Value* join(Builder& b, const std::vector<Value*>& parts, std::int64_t axis) {
  // What does not agree is told by concat, in words of the parts.
  if (!agree(parts, axis)) return concat(b, parts, axis);
  const auto size = [&](const Value* x) { return x->type.shape().at(std::size_t(axis)); };
  const auto symbol = std::find_if(parts.begin(), parts.end(),
                                   [&](const Value* x) { return !size(x).is_constant(); });
  if (symbol == parts.end() || symbol + 1 == parts.end()) return concat(b, parts, axis);
  Value* front = symbol == parts.begin() ? *symbol : concat(b, {parts.begin(), symbol + 1}, axis);
  Value* behind = join(b, {symbol + 1, parts.end()}, axis);
  Value* over = pad(b, front, axis, 0, size(behind));
  return dynamic_update(b, over, behind, size_i32(b, size(front)), axis);
}

// The operands one after the other along `axis`.
constexpr Primitive concat_p = complete({
    .name = "concat",
    .form = Form::Join,
    .type = concat_type,
    .eval = eval_concat,
    .gradient = linear_gradient(concat_gradient),
    .simplify = [](Builder&, const Op& op) -> Value* {
      return op.operands.size() == 1 ? op.operands[0] : nullptr;
    },
    .elements = concat_elements,
    .sample =
        [](Builder& b, Dtype real) {
          const Dim batch = Dim::symbol("B");
          Value *x = sample_arg(b, real), *y = sample_arg(b, real, {2, batch});
          Value *u = sample_arg(b, real, {2, 3}), *v = sample_arg(b, real, {2, 2});
          b.region().results = {concat(b, {x, y, x}, 0), concat(b, {u, v}, 1)};
        },
});

// `before` zeros, x, `after` zeros along `axis`.
constexpr Primitive pad_p = complete({
    .name = "pad",
    .arity = 1,
    .form = Form::Join,
    .type = pad_type,
    .eval = eval_pad,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      const std::int64_t axis = y.attrs.get<std::int64_t>("axis");
      const Dim& size = y.operands[0]->type.shape()[std::size_t(axis)];
      return {slice(b, dy[0], axis, known_start(y, y.attrs.get<Shape>("before")[0]), size)};
    }),
    .simplify = if_same_type,
    .elements = pad_elements,
    .sample =
        [](Builder& b, Dtype real) {
          b.region().results = {pad(b, sample_arg(b, real), 0, 1, 2),
                                pad(b, sample_arg(b, real, {2, 3}), 1, 2, 0)};
        },
});

}  // namespace nodec
