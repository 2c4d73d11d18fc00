// Reading and adding at data-dependent places: gather and its derivative scatter_add. An index
// outside the table is moved to the nearest end, so that compiled code reads and writes inside. A
// table without rows has no end: it is refused as soon as its size is known, when the op is typed
// or when the program is called, unless nothing is picked.
#include <algorithm>

#include "kernels/build.h"
#include "kernels/gathered_part.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

const Type& index_tensor(const Op& op, std::size_t operand) {
  const Type& indices = tensor(op, operand);
  if (indices.dtype() != Dtype::I32) {
    fail(op, fmt::format("wants i32 indices, got {}", described(*op.operands[operand])),
         "cast them to i32");
  }
  return indices;
}

bool stays_inside(const Op& op) { return attribute_or<bool>(op, "inside", false); }

// Of an op that transposes y.
Attrs with_inside(const Op& y, Attrs attrs) {
  if (stays_inside(y)) attrs.set("inside", true);
  return attrs;
}

Types gather_type(const Op& op) {
  const Type &table = tensor(op, 0), &indices = index_tensor(op, 1);
  if (table.rank() == 0) {
    fail(op, fmt::format("reads rows of a table, got {}", described(*op.operands[0])),
         "give it an axis of rows first");
  }
  Shape shape = indices.shape();
  shape.insert(shape.end(), table.shape().begin() + 1, table.shape().end());
  if (table.shape()[0] == Dim(0) && element_count(shape) != Dim(0) && !stays_inside(op)) {
    fail(op, fmt::format("reads rows of a table that has none, got {}", described(*op.operands[0])),
         "give it at least one row");
  }
  return {table.with_shape(shape)};
}

const Type& summed_tensor(const Op& op, std::size_t operand) {
  const Type& type = tensor(op, operand);
  const Dtype dtype = type.dtype();
  if (!is_float(dtype) && dtype != Dtype::I32 && dtype != Dtype::I64) {
    fail(op, fmt::format("adds f32, f64, i32 or i64, got {}", described(*op.operands[operand])),
         "cast them to i32");
  }
  return type;
}

Types scatter_add_type(const Op& op) {
  const Type &indices = index_tensor(op, 0), &updates = summed_tensor(op, 1);
  const Shape& shape = attribute<Shape>(op, "shape");
  if (shape.empty()) {
    fail(op, "adds to rows of a table, got the shape []", "give it an axis of rows first");
  }
  Shape wanted = indices.shape();
  wanted.insert(wanted.end(), shape.begin() + 1, shape.end());
  if (updates.shape() != wanted) {
    fail(op,
         fmt::format("wants updates of {} for rows of {}, got {} ({})",
                     updates.with_shape(wanted).str(), str(shape), described(*op.operands[1]),
                     differences(updates.with_shape(wanted), updates)),
         "give one row for each index");
  }
  if (shape[0] == Dim(0) && element_count(wanted) != Dim(0) && !stays_inside(op)) {
    fail(op, fmt::format("adds to rows of a table that has none, got the shape {}", str(shape)),
         "give it at least one row");
  }
  return {updates.with_shape(shape)};
}

std::int64_t row(const Array& indices, std::int64_t i, std::int64_t rows) {
  return std::clamp<std::int64_t>(indices.integer(i), 0, std::max<std::int64_t>(rows - 1, 0));
}

void check_part(const Op& op, Interpreter& interpreter) {
  const std::optional<SizedPart> part = noted_part(op);
  if (!part) return;
  const auto axis = std::size_t(part->axis);
  const std::int64_t all = evaluate(part->type.shape(), interpreter).at(axis);
  const std::int64_t size = evaluate({part->size}, interpreter).at(0);
  if (size >= 0 && part->start + size <= all) return;
  fail(op, fmt::format("takes {} of the {} along axis {}", size, all, axis),
       "give arrays in which that lies");
}

std::vector<Datum> eval_gather(const Op& op, Data x, Interpreter& interpreter) {
  check_part(op, interpreter);
  const Array &table = x[0].array, &indices = x[1].array;
  Dims dims = indices.dims;
  dims.insert(dims.end(), table.dims.begin() + 1, table.dims.end());
  Array out = Array::zeros(table.dtype, dims);
  if (table.dims[0] == 0 && out.count() > 0) fail(op, "reads from a table without rows");
  const std::int64_t width = product(table.dims, 1, table.dims.size());
  for (std::int64_t i = 0; i < indices.count(); ++i) {
    const std::int64_t from = row(indices, i, table.dims[0]) * width;
    for (std::int64_t j = 0; j < width; ++j) copy_element(out, i * width + j, table, from + j);
  }
  return {std::move(out)};
}

void add_element(Array& to, std::int64_t at, const Array& from, std::int64_t i) {
  if (is_float(to.dtype)) {
    to.set(at, to.real(at) + from.real(i));
  } else {
    const std::uint64_t sum = std::uint64_t(to.integer(at)) + std::uint64_t(from.integer(i));
    to.set_integer(at, std::int64_t(sum));
  }
}

std::vector<Datum> eval_scatter_add(const Op& op, Data x, Interpreter& interpreter) {
  const Array &indices = x[0].array, &updates = x[1].array;
  Array out = Array::zeros(updates.dtype, evaluate(op.attrs.get<Shape>("shape"), interpreter));
  if (out.dims[0] == 0 && updates.count() > 0) fail(op, "adds to a table without rows");
  const std::int64_t width = product(out.dims, 1, out.dims.size());
  for (std::int64_t i = 0; i < indices.count(); ++i) {
    const std::int64_t to = row(indices, i, out.dims[0]) * width;
    for (std::int64_t j = 0; j < width; ++j) {
      add_element(out, to + j, updates, i * width + j);
    }
  }
  return {std::move(out)};
}

}  // namespace

// result[i..., j...] = table[indices[i...], j...].
constexpr Primitive gather_p = complete({
    .name = "gather",
    .arity = 2,
    .form = Form::Gather,
    .type = gather_type,
    .eval = eval_gather,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      const Shape& shape = y.operands[0]->type.shape();
      Attrs attrs = with_inside(y, {{"shape", shape}});
      return {b.value(scatter_add_p, {y.operands[1], dy[0]}, std::move(attrs)), nullptr};
    }),
    .domain = {0, 5},
    .sample =
        [](Builder& b, Dtype real) {
          Value *table = sample_arg(b, real, {5, 3}), *list = sample_arg(b, real, {5});
          Value* images = sample_arg(b, Dtype::U8, {5, 4});
          Value* batch = sample_arg(b, Dtype::I32, {Dim::symbol("B")});
          Value* indices = sample_arg(b, Dtype::I32, {2, 2});
          b.region().results = {gather(b, list, batch), gather(b, table, indices),
                                transpose(b, gather(b, images, batch), {1, 0})};
        },
});

// Zeros of `shape`, plus updates[i..., j...] at [indices[i...], j...], added in row-major order of
// i. Integers wrap.
constexpr Primitive scatter_add_p = complete({
    .name = "scatter_add",
    .arity = 2,
    .form = Form::Gather,
    .type = scatter_add_type,
    .eval = eval_scatter_add,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {nullptr, b.value(gather_p, {dy[0], y.operands[0]}, with_inside(y, {}))};
    }),
    .domain = {0, 5},
    .sample =
        [](Builder& b, Dtype real) {
          Value *indices = sample_arg(b, Dtype::I32, {6}), *updates = sample_arg(b, real, {6, 3});
          Value* counts = sample_arg(b, Dtype::I32, {6});
          Value* wide = sample_arg(b, Dtype::I64, {6, 2});
          b.region().results = {scatter_add(b, indices, updates, {5, 3}),
                                scatter_add(b, indices, counts, {5}),
                                scatter_add(b, indices, wide, {5, 2})};
        },
});

void note_part(Op& gather, const SizedPart& part) {
  Attrs& attrs = gather.attrs;
  attrs.set("part_op", part.op);
  attrs.set("part_name", part.name);
  attrs.set("part_shape", part.type.shape());
  attrs.set("part_axis", part.axis);
  attrs.set("part_start", part.start);
  attrs.set("part_size", Shape{part.size});
}

std::optional<SizedPart> noted_part(const Op& op) {
  const Attrs& attrs = op.attrs;
  if (!attrs.has("part_op")) return std::nullopt;
  return SizedPart{attrs.get<std::string>("part_op"),
                   attrs.get<std::string>("part_name"),
                   op.result()->type.with_shape(attrs.get<Shape>("part_shape")),
                   attrs.get<std::int64_t>("part_axis"),
                   attrs.get<std::int64_t>("part_start"),
                   attrs.get<Shape>("part_size")[0]};
}

}  // namespace nodec
