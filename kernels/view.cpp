// Views: broadcast, reshape, transpose and slice. They move no data: an element of the result is an
// element of the operand, found by the affine map of the `view` rule, from which evaluation
// follows.
#include <algorithm>
#include <numeric>

#include "kernels/build.h"
#include "kernels/identities.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

// The operand seen through op's map as an array of `dims`.
std::vector<Datum> viewed(const Op& op, const Array& x, Dims dims) {
  const ViewMap map = op.primitive->view(op);
  const Dims step = strides(x.dims);
  Array out = Array::zeros(x.dtype, std::move(dims));
  each_index(out.dims, [&](std::int64_t flat, const Dims& index) {
    std::int64_t from = offset(map.start, step);
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (map.axis[i] >= 0) from += index[i] * step[std::size_t(map.axis[i])];
    }
    copy_element(out, flat, x, from);
  });
  return {std::move(out)};
}

ViewMap identity_map(const Op& op) {
  ViewMap map;
  map.axis.resize(op.operands[0]->type.rank());
  std::iota(map.axis.begin(), map.axis.end(), 0);
  map.start.assign(map.axis.size(), 0);
  return map;
}

Types broadcast_type(const Op& op) {
  const Type& x = tensor(op, 0);
  const Shape& shape = attribute<Shape>(op, "shape");
  const Axes& dims = axes_attribute(op, "dims", shape.size());
  if (dims.size() != x.rank() || !std::is_sorted(dims.begin(), dims.end())) {
    fail(op,
         fmt::format("needs one result axis for each axis of {}, in increasing order, got [{}]",
                     described(*op.operands[0]), fmt::join(dims, ", ")),
         "put axes in another order with 'transpose'");
  }
  std::string wrong;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const Dim &has = x.shape()[i], &wants = shape[std::size_t(dims[i])];
    if (has == wants) continue;
    wrong += fmt::format("{}axis {} is {} and would become {}", wrong.empty() ? "" : ", ", i,
                         has.str(), wants.str());
  }
  if (!wrong.empty()) {
    fail(op,
         fmt::format("cannot give {} the shape {}: {}", described(*op.operands[0]), str(shape),
                     wrong),
         "only axes that the operand does not have are made");
  }
  return {x.with_shape(shape)};
}

Types reshape_type(const Op& op) {
  const Type& x = tensor(op, 0);
  const Shape& shape = attribute<Shape>(op, "shape");
  const Dim has = element_count(x.shape()), wants = element_count(shape);
  if (has != wants && !has.is_unknown() && !wants.is_unknown()) {
    fail(op,
         fmt::format("cannot give {}, of {} elements, the shape {}, of {}",
                     described(*op.operands[0]), has.str(), str(shape), wants.str()),
         "give a shape of as many elements");
  }
  return {x.with_shape(shape)};
}

Types transpose_type(const Op& op) {
  const Type& x = tensor(op, 0);
  const Axes& perm = axes_attribute(op, "perm", x.rank());
  if (perm.size() != x.rank()) {
    fail(op,
         fmt::format("needs each axis of {} once, got [{}]", described(*op.operands[0]),
                     fmt::join(perm, ", ")),
         fmt::format("name every axis from 0 to {} in 'perm'", int(x.rank()) - 1));
  }
  Shape shape;
  for (const std::int64_t axis : perm) shape.push_back(x.shape()[std::size_t(axis)]);
  return {x.with_shape(shape)};
}

Types slice_type(const Op& op) {
  const Type& x = tensor(op, 0);
  const auto axis = std::size_t(axis_attribute(op, "axis", x.rank()));
  const std::int64_t start = attribute<std::int64_t>(op, "start");
  const Dim& size = dim_attribute(op, "size");
  const Dim rest = x.shape()[axis] - start - size;
  const bool outside =
      (size.is_constant() && size.constant() < 0) || (rest.is_constant() && rest.constant() < 0);
  if (start < 0 || outside) {
    fail(op,
         fmt::format("takes {} from {} on along axis {} of {}", size.str(), start, axis,
                     described(*op.operands[0])),
         fmt::format("stay within the {} of that axis", x.shape()[axis].str()));
  }
  Shape shape = x.shape();
  shape[axis] = size;
  return {x.with_shape(shape)};
}

std::vector<Datum> eval_broadcast(const Op& op, Data x, Interpreter& interpreter) {
  const Dims dims = evaluate(op.attrs.get<Shape>("shape"), interpreter);
  const auto& into = op.attrs.get<Axes>("dims");
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (x[0].array.dims.at(i) == dims[std::size_t(into[i])]) continue;
    fail(op, fmt::format("meets {} where it makes [{}]", x[0].array.type().str(),
                         fmt::join(dims, ", ")));
  }
  return viewed(op, x[0].array, dims);
}

std::vector<Datum> eval_reshape(const Op& op, Data x, Interpreter& interpreter) {
  Array out = x[0].array;
  out.dims = evaluate(op.attrs.get<Shape>("shape"), interpreter);
  if (out.count() != x[0].array.count()) {
    fail(op, fmt::format("meets {} where it makes [{}]", x[0].array.type().str(),
                         fmt::join(out.dims, ", ")));
  }
  return {std::move(out)};
}

std::vector<Datum> eval_transpose(const Op& op, Data x, Interpreter&) {
  Dims dims;
  for (const std::int64_t axis : op.attrs.get<Axes>("perm")) {
    dims.push_back(x[0].array.dims.at(std::size_t(axis)));
  }
  return viewed(op, x[0].array, std::move(dims));
}

std::vector<Datum> eval_slice(const Op& op, Data x, Interpreter& interpreter) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  const std::int64_t size = evaluate(op.attrs.get<Shape>("size"), interpreter).at(0);
  const std::int64_t start = op.attrs.get<std::int64_t>("start");
  Dims dims = x[0].array.dims;
  if (size < 0 || start + size > dims.at(axis)) {
    fail(op, fmt::format("takes {} from {} on along axis {} of {}", size, start, axis,
                         x[0].array.type().str()));
  }
  dims[axis] = size;
  return viewed(op, x[0].array, std::move(dims));
}

Value* simplify_broadcast(Builder& b, const Op& op) {
  const auto& into = op.attrs.get<Axes>("dims");
  if (Value* same = if_same_type(b, op)) {
    if (std::is_sorted(into.begin(), into.end())) return same;
  }
  const Op* inner = made_by(op.operands[0], broadcast_p);
  if (!inner) return nullptr;
  Axes dims = inner->attrs.get<Axes>("dims");
  for (std::int64_t& axis : dims) axis = into[std::size_t(axis)];
  return b.value(broadcast_p, {inner->operands[0]},
                 {{"shape", op.result()->type.shape()}, {"dims", dims}});
}

Value* simplify_transpose(Builder& b, const Op& op) {
  Axes perm = op.attrs.get<Axes>("perm");
  if (const Op* inner = made_by(op.operands[0], transpose_p)) {
    const auto& first = inner->attrs.get<Axes>("perm");
    for (std::int64_t& axis : perm) axis = first[std::size_t(axis)];
    return transpose(b, inner->operands[0], perm);
  }
  return std::is_sorted(perm.begin(), perm.end()) ? op.operands[0] : nullptr;
}

Axes inverse(const Axes& perm) {
  Axes back(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) back[std::size_t(perm[i])] = std::int64_t(i);
  return back;
}

}  // namespace

// Operand axis i becomes result axis dims[i]; along every other result axis the value repeats. The
// derivative sums over those.
constexpr Primitive broadcast_p = complete({
    .name = "broadcast",
    .arity = 1,
    .form = Form::View,
    .type = broadcast_type,
    .eval = eval_broadcast,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      const auto& dims = y.attrs.get<Axes>("dims");
      Axes made;
      for (const std::int64_t axis : all_axes(y.result()->type)) {
        if (std::find(dims.begin(), dims.end(), axis) == dims.end()) made.push_back(axis);
      }
      return {made.empty() ? dy[0] : sum(b, dy[0], made)};
    }),
    .view =
        [](const Op& op) {
          const auto& dims = op.attrs.get<Axes>("dims");
          ViewMap map{std::vector<int>(op.attrs.get<Shape>("shape").size(), -1),
                      std::vector<std::int64_t>(dims.size(), 0)};
          for (std::size_t i = 0; i < dims.size(); ++i) map.axis[std::size_t(dims[i])] = int(i);
          return map;
        },
    .simplify = simplify_broadcast,
    .sample =
        [](Builder& b, Dtype real) {
          const Dim batch = Dim::symbol("B");
          b.region().results = {broadcast_to(b, sample_arg(b, real, {3}), {3, batch}, {0}),
                                broadcast_to(b, sample_arg(b, real, {batch}), {3, batch}, {1}),
                                broadcast_to(b, sample_arg(b, real, {}), {3, batch}, {}),
                                broadcast_to(b, sample_arg(b, real, {2, 3}), {2, 4, 3}, {0, 2})};
        },
});

// The same elements in row-major order under another shape.
constexpr Primitive reshape_p = complete({
    .name = "reshape",
    .arity = 1,
    .form = Form::View,
    .type = reshape_type,
    .eval = eval_reshape,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {reshape(b, dy[0], y.operands[0]->type.shape())};
    }),
    .simplify = [](Builder& b, const Op& op) -> Value* {
      if (Value* same = if_same_type(b, op)) return same;
      const Op* inner = made_by(op.operands[0], reshape_p);
      return inner ? reshape(b, inner->operands[0], op.result()->type.shape()) : nullptr;
    },
    .sample =
        [](Builder& b, Dtype real) {
          const Dim batch = Dim::symbol("B");
          b.region().results = {reshape(b, sample_arg(b, real, {6, batch}), {2, 3, batch}),
                                reshape(b, sample_arg(b, real, {2, 3, batch}), {6, batch}),
                                reshape(b, sample_arg(b, real, {2, 3}), {3, 2})};
        },
});

// Result axis i is operand axis perm[i].
constexpr Primitive transpose_p = complete({
    .name = "transpose",
    .arity = 1,
    .form = Form::View,
    .type = transpose_type,
    .eval = eval_transpose,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {transpose(b, dy[0], inverse(y.attrs.get<Axes>("perm")))};
    }),
    .view =
        [](const Op& op) {
          ViewMap map = identity_map(op);
          const auto& perm = op.attrs.get<Axes>("perm");
          std::copy(perm.begin(), perm.end(), map.axis.begin());
          return map;
        },
    .simplify = simplify_transpose,
    .sample =
        [](Builder& b, Dtype real) {
          Value* x = sample_arg(b, real, {2, 3, Dim::symbol("B")});
          b.region().results = {transpose(b, x, {1, 0, 2}),
                                transpose(b, sample_arg(b, real, {2, 3, 4}), {2, 0, 1})};
        },
});

// `size` indices from `start` on along `axis`. The derivative puts zeros around.
constexpr Primitive slice_p = complete({
    .name = "slice",
    .arity = 1,
    .form = Form::View,
    .type = slice_type,
    .eval = eval_slice,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      const std::int64_t axis = y.attrs.get<std::int64_t>("axis");
      const std::int64_t start = y.attrs.get<std::int64_t>("start");
      const Dim whole = y.operands[0]->type.shape()[std::size_t(axis)];
      return {pad(b, dy[0], axis, start, whole - start - y.attrs.get<Shape>("size")[0])};
    }),
    .view =
        [](const Op& op) {
          ViewMap map = identity_map(op);
          map.start[std::size_t(op.attrs.get<std::int64_t>("axis"))] =
              op.attrs.get<std::int64_t>("start");
          return map;
        },
    .simplify = if_same_type,
    .sample =
        [](Builder& b, Dtype real) {
          Value* x = sample_arg(b, real, {5, Dim::symbol("B")});
          b.region().results = {slice(b, x, 0, 1, 3),
                                slice(b, sample_arg(b, real, {2, 6}), 1, 2, 4)};
        },
});

}  // namespace nodec
