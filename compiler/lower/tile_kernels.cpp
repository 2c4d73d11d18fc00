// Kernels on one tile, op by op.
#include "compiler/lower/tile_kernels.h"

#include <algorithm>
#include <optional>

#include "compiler/lower/batch.h"
#include "compiler/lower/join_map.h"
#include "kernels/rules.h"

namespace nodec::lowering {

using plan::Map;
using plan::Ref;
using plan::Source;

void TileKernels::add(TileList& list, const Op& op) {
  homes_.enter(list.segment);
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
      add_copy(homes_, list, op.operands[0],
               homes_.ref_to(homes_.home(op.result()), op.operands[0]));
      return list.place(op.result());
    default:
      throw Error(fmt::format("op '{}' cannot be compiled on samples yet", op.name()),
                  {{op.where, "used here"}});
  }
}

void TileKernels::add_map(TileList& list, const Op& op) {
  std::optional<Source> index;
  if (op.primitive->form == Form::Generate) index = views_.element_index(op);
  join_map(homes_, list.kernels, list.made, op, Map{views_.extents(op.result()), {}},
           index ? &*index : nullptr);
}

Ref TileKernels::tile_ref(TileList& list, const Value* v) {
  homes_.enter(list.segment);
  const View view = views_.resolve(v);
  // A base without a batch is one row for all samples, which a reader of lanes would run past.
  if (views_.varying(view.base) && views_.contiguous(v, view)) return homes_.ref(v);
  const int made = homes_.new_tile_buffer(v, "copy");
  add_copy(homes_, list, v, homes_.ref_to(made, v));
  return homes_.ref_to(made, v);
}

void TileKernels::add_matvec(TileList& list, const Op& op) {
  const bool right = views_.varying(op.operands[1]);  // weight * x, or x * weight
  if (right == views_.varying(op.operands[0])) {
    throw Error(
        "a product of two matrices that both differ from sample to sample cannot be compiled yet",
        {{op.where, "multiplied here"}}, "multiply their elements, and sum over the inner axis");
  }
  const Value* w = op.operands[right ? 0 : 1];
  const Value* x = op.operands[right ? 1 : 0];
  const bool transposed = op.attrs.get_or<bool>(right ? "ta" : "tb", false);
  plan::MatVec kernel;
  kernel.weight = homes_.ref(w);
  const std::vector<std::int64_t> sizes = views_.extents(w);
  const bool rows_first = right ? !transposed : transposed;
  kernel.rows = rows_first ? sizes[0] : sizes[1];
  kernel.inner = rows_first ? sizes[1] : sizes[0];
  if (!rows_first) std::swap(kernel.weight.strides[0], kernel.weight.strides[1]);
  kernel.x = homes_.ref(x);
  if (op.operands.size() > 2) kernel.start = homes_.ref(op.operands[2]);
  kernel.out = homes_.ref_to(homes_.home(op.result()), op.result());
  kernel.op = &op;
  list.kernels.emplace_back(std::move(kernel));
  list.place(op.result());
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

void TileKernels::add_gather(TileList& list, const Op& op) {
  if (op.primitive == &scatter_add_p) return add_scatter(list, op);
  const Value *table = op.operands[0], *index = op.operands[1];
  list.kernels.emplace_back(plan::GatherRows{
      views_.extents(index), row_extents(views_.row_dims(table), table), table->type.shape()[0],
      rows_.table_ref(op), homes_.ref(index), homes_.home_ref(op.result()), &op});
  list.place(op.result());
}

void TileKernels::add_scatter(TileList& list, const Op& op) {
  const Value *index = op.operands[0], *update = op.operands[1];
  const std::vector<std::int64_t> sizes = views_.extents(op.result());
  list.kernels.emplace_back(plan::ScatterRows{views_.extents(index),
                                              {sizes.begin() + 1, sizes.end()},
                                              sizes[0],
                                              homes_.ref(index),
                                              homes_.ref(update),
                                              homes_.home_ref(op.result()),
                                              &op});
  list.place(op.result());
}

void TileKernels::add_join(TileList& list, const Op& op) {
  const Value* out = op.result();
  const Ref whole = homes_.ref_to(homes_.home(out), out);
  const auto axis = op.attrs.get<std::int64_t>("axis");
  const std::vector<int> axes = views_.element_axes(out);
  const auto at = std::find(axes.begin(), axes.end(), axis) - axes.begin();
  if (at == std::ptrdiff_t(axes.size())) {
    throw Error(fmt::format("'{}' along the batch cannot be compiled yet", op.name()),
                {{op.where, "used here"}}, "join along another axis");
  }
  std::int64_t offset = 0;
  if (op.primitive == &pad_p) {
    plan::Buffer& b = homes_.buffer(whole.buffer);
    Map zero{{b.elements}, {}};
    zero.computes.push_back({nullptr, {plan::Zero{b.dtype}}, Ref{whole.buffer, -1, {1}, 0}});
    list.kernels.emplace_back(std::move(zero));
    offset = op.attrs.get<Shape>("before")[0].constant();
  }
  for (const Value* x : op.operands) {
    Ref part = whole;
    part.start += offset * whole.strides[std::size_t(at)];
    add_copy(homes_, list, x, part);
    offset += views_.extents(x)[std::size_t(at)];
  }
  list.place(out);
}

// Between a port, row-major as the caller laid it out, and the blocks of 16 samples.
void TileKernels::add_transfer(TileList& list, const Value* v, int port, bool import) {
  homes_.enter(list.segment);
  plan::Transfer t;
  t.extents = views_.extents(v);
  t.import = import;
  const Shape& shape = v->type.shape();
  std::size_t batch_axis = 0;
  while (!(shape[batch_axis] == Dim::symbol(views_.batch()))) ++batch_axis;
  t.batch_last = batch_axis + 1 == shape.size();
  t.dense = homes_.ref_to(port, v);
  if (!t.batch_last) {
    if (batch_axis != 0) {
      const bool input = std::size_t(port) < plan_.signature.inputs.size();
      throw Error(fmt::format("{} '{}' has the batch in the middle of its axes, got {}",
                              input ? "input" : "output", homes_.buffer(port).name, v->type.str()),
                  origin(v), "put the batch first or last");
    }
    t.batch_stride = views_.elements(v);
  }
  t.lanes = import ? homes_.ref_to(homes_.home(v), v) : tile_ref(list, v);
  list.kernels.emplace_back(std::move(t));
  if (import) list.place(v);
}

int TileKernels::add_rows(TileList& list, const Value* v) {
  homes_.enter(list.segment);
  plan::Buffer b;
  b.name = "rows";
  b.space = plan::Buffer::Space::Dense;
  b.dtype = v->type.dtype();
  b.count = Dim::symbol(kBlocksSymbol) * Dim(kBlock * views_.elements(v));
  const int rows = homes_.new_buffer(std::move(b));
  plan::TransposeRows kernel;
  kernel.x = tile_ref(list, v);
  kernel.x.strides = {1};
  kernel.width = views_.elements(v);
  kernel.rows = rows;
  list.kernels.emplace_back(std::move(kernel));
  return rows;
}

}  // namespace nodec::lowering
