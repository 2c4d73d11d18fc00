// Ops on one tile of samples as kernels: loops over elements whose every value is a vector of
// samples.
//
// Elementwise ops of the same extents share one loop (join_map.h). All other values pass between
// kernels through small buffers that stay in L1.
#include <algorithm>
#include <optional>

#include "compiler/lower/batch.h"
#include "compiler/lower/join_map.h"
#include "kernels/rules.h"

namespace nodec::lowering {

using plan::Compute;
using plan::Kernel;
using plan::Map;
using plan::Ref;
using plan::Source;

void Lowering::place(TileList& list, const Value* v) {
  list.made[v] = {static_cast<int>(list.kernels.size()) - 1, -1};
}

void Lowering::add_tile(TileList& list, const Op& op) {
  segment_ = list.segment;
  switch (op.primitive->form) {
    case Form::Elementwise:
    case Form::Generate:
      return add_map(list, op);
    case Form::Reduce:
      return add_fold(list, op);
    case Form::Contract:
      return add_matvec(list, op);
    case Form::Gather:
      return add_gather(list, op);
    case Form::Join:
      return add_join(list, op);
    case Form::Control:
      return add_call(list, op);
    case Form::View:
      add_copy(list, op.operands[0], ref_to(home(op.result()), op.operands[0]));
      return place(list, op.result());
    default:
      throw Error(fmt::format("op '{}' cannot be compiled on samples yet", op.name()),
                  {{op.where, "used here"}});
  }
}

// Where a generator stands: its index along an axis, or among all elements and samples.
Source Lowering::element_index(const Op& op) {
  const Value* out = op.result();
  const std::vector<int> axes = element_axes(out);
  if (op.attrs.has("axis")) {
    const auto at = std::find(axes.begin(), axes.end(), op.attrs.get<std::int64_t>("axis"));
    if (at == axes.end()) return plan::SampleIndex{};
    return plan::AxisIndex{static_cast<std::size_t>(at - axes.begin())};
  }
  std::vector<std::int64_t> strides = row_major(out);
  if (!varying(out)) return plan::ElementIndex{std::move(strides)};
  const Shape& shape = out->type.shape();
  const bool last = shape.back() == Dim::symbol(graph_.batch);
  if (!last && !(shape.front() == Dim::symbol(graph_.batch))) {
    throw Error(fmt::format("op '{}' has the batch in the middle of its axes", op.name()),
                {{op.where, "used here"}}, "put the batch first or last");
  }
  return plan::SampleElementIndex{std::move(strides), elements(out), last};
}

void Lowering::add_map(TileList& list, const Op& op) {
  std::optional<Source> index;
  if (op.primitive->form == Form::Generate) index = element_index(op);
  join_map(list.kernels, list.made, op, Map{extents(op.result()), {}}, index ? &*index : nullptr);
}

void Lowering::add_copy(TileList& list, const Value* from, Ref to) {
  segment_ = list.segment;
  Map map{extents(from), {}};
  map.computes.push_back({nullptr, {ref(from)}, std::move(to)});
  list.kernels.emplace_back(std::move(map));
}

Ref Lowering::tile_ref(TileList& list, const Value* v) {
  segment_ = list.segment;
  const View view = resolve(v);
  // A base without a batch is one row for all samples, which a reader of lanes would run past.
  if (varying(view.base) && contiguous(v, view)) return ref(v);
  plan::Buffer b;
  b.name = "copy";
  b.dtype = v->type.dtype();
  b.elements = elements(v);
  const int made = new_buffer(std::move(b));
  touch(made);
  add_copy(list, v, ref_to(made, v));
  return ref_to(made, v);
}

void Lowering::add_matvec(TileList& list, const Op& op) {
  const bool right = varying(op.operands[1]);  // weight * x, or x * weight
  if (right == varying(op.operands[0])) {
    throw Error(
        "a product of two matrices that both differ from sample to sample cannot be compiled yet",
        {{op.where, "multiplied here"}});
  }
  const Value* w = op.operands[right ? 0 : 1];
  const Value* x = op.operands[right ? 1 : 0];
  const bool transposed = op.attrs.get_or<bool>(right ? "ta" : "tb", false);
  plan::MatVec kernel;
  kernel.weight = ref(w);
  const std::vector<std::int64_t> sizes = extents(w);
  const bool rows_first = right ? !transposed : transposed;
  kernel.rows = rows_first ? sizes[0] : sizes[1];
  kernel.inner = rows_first ? sizes[1] : sizes[0];
  if (!rows_first) std::swap(kernel.weight.strides[0], kernel.weight.strides[1]);
  kernel.x = ref(x);
  if (op.operands.size() > 2) kernel.start = ref(op.operands[2]);
  kernel.out = ref_to(home(op.result()), op.result());
  kernel.where = op.where;
  list.kernels.emplace_back(std::move(kernel));
  place(list, op.result());
}

// A table's first axis is its rows; the others are numbers, or the batch.
static std::vector<std::int64_t> row_extents(const std::vector<Dim>& row, const Value* table) {
  std::vector<std::int64_t> sizes;
  for (const Dim& d : row) {
    if (!d.is_constant()) {
      throw Error(fmt::format("the size {} within a table's row must be a number, got {}", d.str(),
                              described(*table)),
                  origin(table), "give this axis a fixed size");
    }
    sizes.push_back(d.constant());
  }
  return sizes;
}

void Lowering::add_gather(TileList& list, const Op& op) {
  if (op.primitive == &scatter_add_p) return add_scatter(list, op);
  const Value *table = op.operands[0], *index = op.operands[1];
  list.kernels.emplace_back(plan::GatherRows{extents(index), row_extents(row_dims(table), table),
                                             table->type.shape()[0], table_ref(op), ref(index),
                                             home_ref(op.result()), op.where});
  place(list, op.result());
}

void Lowering::add_scatter(TileList& list, const Op& op) {
  const Value *index = op.operands[0], *update = op.operands[1];
  const std::vector<std::int64_t> sizes = extents(op.result());
  list.kernels.emplace_back(plan::ScatterRows{extents(index),
                                              {sizes.begin() + 1, sizes.end()},
                                              sizes[0],
                                              ref(index),
                                              ref(update),
                                              home_ref(op.result()),
                                              op.where});
  place(list, op.result());
}

void Lowering::add_join(TileList& list, const Op& op) {
  const Value* out = op.result();
  const Ref whole = ref_to(home(out), out);
  const auto axis = op.attrs.get<std::int64_t>("axis");
  const std::vector<int> axes = element_axes(out);
  const auto at = std::find(axes.begin(), axes.end(), axis) - axes.begin();
  if (at == static_cast<std::ptrdiff_t>(axes.size())) {
    throw Error(fmt::format("'{}' along the batch cannot be compiled yet", op.name()),
                {{op.where, "used here"}});
  }
  std::int64_t offset = 0;
  if (op.primitive == &pad_p) {
    plan::Buffer& b = plan_.buffers[static_cast<std::size_t>(whole.buffer)];
    Map zero{{b.elements}, {}};
    zero.computes.push_back({nullptr, {plan::Zero{b.dtype}}, Ref{whole.buffer, -1, {1}, 0}});
    list.kernels.emplace_back(std::move(zero));
    offset = op.attrs.get<Shape>("before")[0].constant();
  }
  for (const Value* x : op.operands) {
    Ref part = whole;
    part.start += offset * whole.strides[static_cast<std::size_t>(at)];
    add_copy(list, x, part);
    offset += extents(x)[static_cast<std::size_t>(at)];
  }
  place(list, out);
}

// Between a port, row-major as the caller laid it out, and the blocks of 16 samples.
void Lowering::add_transfer(TileList& list, const Value* v, int port, bool import) {
  segment_ = list.segment;
  plan::Transfer t;
  t.extents = extents(v);
  t.import = import;
  const Shape& shape = v->type.shape();
  std::size_t batch_axis = 0;
  while (!(shape[batch_axis] == Dim::symbol(graph_.batch))) ++batch_axis;
  t.batch_last = batch_axis + 1 == shape.size();
  t.dense = ref_to(port, v);
  if (!t.batch_last) {
    if (batch_axis != 0) {
      const bool input = static_cast<std::size_t>(port) < plan_.signature.inputs.size();
      throw Error(fmt::format("{} '{}' has the batch in the middle of its axes, got {}",
                              input ? "input" : "output",
                              plan_.buffers[static_cast<std::size_t>(port)].name, v->type.str()),
                  origin(v), "put the batch first or last");
    }
    t.batch_stride = elements(v);
  }
  t.lanes = import ? ref_to(home(v), v) : tile_ref(list, v);
  list.kernels.emplace_back(std::move(t));
  if (import) place(list, v);
}

int Lowering::add_rows(TileList& list, const Value* v) {
  segment_ = list.segment;
  plan::Buffer b;
  b.name = "rows";
  b.space = plan::Buffer::Space::Dense;
  b.dtype = v->type.dtype();
  b.count = Dim::symbol(kBlocksSymbol) * Dim(kBlock * elements(v));
  const int rows = new_buffer(std::move(b));
  plan::TransposeRows kernel;
  kernel.x = tile_ref(list, v);
  kernel.x.strides = {1};
  kernel.width = elements(v);
  kernel.rows = rows;
  list.kernels.emplace_back(std::move(kernel));
  return rows;
}

}  // namespace nodec::lowering
