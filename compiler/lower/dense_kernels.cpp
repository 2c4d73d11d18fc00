// Kernels without a batch, op by op.
#include "compiler/lower/dense_kernels.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "compiler/lower/batch.h"
#include "compiler/lower/join_map.h"
#include "kernels/rules.h"

namespace nodec::lowering {

using plan::DenseKernel;
using plan::DenseMap;
using plan::Ref;
using plan::Source;

namespace {

// The kernel stores the columns of a row side by side. Where the rows lie so, the transposed
// product is made.
void turn(plan::DenseMatmul& m) {
  const auto turned = [](Ref& x) { std::swap(x.strides[0], x.strides[1]); };
  std::swap(m.rows, m.columns);
  std::swap(m.a, m.b);
  for (Ref* x : {&m.a, &m.b, &m.out}) turned(*x);
  if (m.start) turned(*m.start);
}

// A part of a join starts where those before it end.
std::int64_t known_size(const Op& op, const Dim& size) {
  if (size.is_constant()) return size.constant();
  throw Error(fmt::format("'{}' needs the sizes before its last part as numbers, got {}", op.name(),
                          size.str()),
              {{op.where, "joined here"}}, "put the part whose size is a symbol last");
}

}  // namespace

// A reshape that moves elements counts them, all but those of a symbolic axis, which stays as it is
// behind as many.
void DenseKernels::check_counted(const Op& reshape) const {
  const auto before_symbol = [&](const Value* v) {
    std::int64_t count = 1;
    Dim symbol = 1;
    for (const Dim& size : views_.element_dims(v)) {
      if (!size.is_constant()) symbol = size;
      if (!size.is_constant()) break;
      count *= size.constant();
    }
    return std::pair(count, symbol);
  };
  const Value *x = reshape.operands[0], *out = reshape.result();
  const auto [before, symbol] = before_symbol(x);
  const auto [before_out, symbol_out] = before_symbol(out);
  if (before == before_out && (before == 1 || symbol == symbol_out)) return;
  throw Error(fmt::format("a reshape of {} to {} would count along a size that is a symbol",
                          described(*x), out->type.str()),
              {{reshape.where, "reshaped here"}},
              "transpose first, so that this axis is the first");
}

void DenseKernels::add(plan::Nodes& nodes, const std::vector<const Op*>& ops) {
  homes_.enter_new_segment();
  Kernels kernels;
  Made made;
  for (const Op* op : ops) {
    switch (op->primitive->form) {
      case Form::Elementwise:
      case Form::Generate:
        add_map(kernels, made, *op);
        continue;
      case Form::Reduce:
        kernels.push_back(fold(*op));
        break;
      case Form::Contract:
        kernels.push_back(is_added_in_place(*op, views_.batch()) ? sum_alone(*op) : matmul(*op));
        break;
      case Form::Gather:
        kernels.push_back(is_added_in_place(*op, views_.batch()) ? sum_alone(*op) : gather(*op));
        break;
      case Form::Join:
        add_join(kernels, *op);
        break;
      case Form::View:
        check_counted(*op);
        kernels.push_back(dense_copy(homes_, op->operands[0],
                                     homes_.ref_to(homes_.home(op->result()), op->operands[0])));
        break;
      default:
        throw Error(
            fmt::format("op '{}' cannot be compiled on tensors without a batch yet", op->name()),
            {{op->where, "used here"}});
    }
    made[op->result()] = {int(kernels.size()) - 1, -1};
  }
  for (DenseKernel& kernel : kernels) nodes.push_back({std::move(kernel)});
}

void DenseKernels::add_join(Kernels& kernels, const Op& op) {
  const Value* out = op.result();
  const Ref whole = homes_.ref_to(homes_.home(out), out);
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  std::int64_t offset = 0;
  if (op.primitive == &pad_p) {
    kernels.emplace_back(
        DenseMap{views_.element_dims(out), {{nullptr, {plan::Zero{out->type.dtype()}}, whole}}});
    offset = known_size(op, op.attrs.get<Shape>("before")[0]);
  }
  const std::size_t first = kernels.size();
  for (std::size_t i = 0; i < op.operands.size(); ++i) {
    const Value* x = op.operands[i];
    Ref part = whole;
    part.start += offset * whole.strides[axis];
    if (element_count(x->type.shape()) == Dim(1)) {
      add_element(kernels, first, x, part);
    } else {
      kernels.push_back(dense_copy(homes_, x, part));
    }
    if (i + 1 < op.operands.size()) offset += known_size(op, x->type.shape()[axis]);
  }
}

// One element of a join; neighbours, from kernel `first` on, are done by the first thread at once.
void DenseKernels::add_element(Kernels& kernels, std::size_t first, const Value* x, const Ref& to) {
  Ref from = homes_.ref(x);
  from.strides.clear();
  DenseMap* map = kernels.size() > first ? std::get_if<DenseMap>(&kernels.back()) : nullptr;
  if (map == nullptr || !map->extents.empty()) {
    map = &std::get<DenseMap>(kernels.emplace_back(DenseMap{}));
  }
  map->computes.push_back({nullptr, {std::move(from)}, Ref{to.buffer, -1, {}, to.start}});
}

void DenseKernels::add_map(Kernels& kernels, Made& made, const Op& op) {
  std::optional<Source> index;
  if (op.primitive->form == Form::Generate) index = views_.element_index(op);
  join_map(homes_, kernels, made, op, DenseMap{views_.element_dims(op.result()), {}},
           index ? &*index : nullptr);
}

DenseKernel DenseKernels::fold(const Op& op) {
  const Value* x = op.operands[0];
  plan::DenseFold fold;
  fold.op = &op;
  Ref from = homes_.ref(x);
  const FoldAxes axes = views_.fold_axes(op, views_.element_dims(x), from.strides);
  fold.outer = axes.outer;
  fold.inner = axes.inner;
  from.strides = axes.strides;
  fold.computes.push_back({nullptr, {std::move(from)}, {}});
  fold.out = homes_.ref_to(homes_.home(op.result()), op.result());
  return fold;
}

DenseKernel DenseKernels::matmul(const Op& op) {
  plan::DenseMatmul m;
  m.a = homes_.ref(op.operands[0]);
  m.b = homes_.ref(op.operands[1]);
  const Shape& a = op.operands[0]->type.shape();
  const bool ta = op.attrs.get_or<bool>("ta", false), tb = op.attrs.get_or<bool>("tb", false);
  if (ta) std::swap(m.a.strides[0], m.a.strides[1]);
  if (tb) std::swap(m.b.strides[0], m.b.strides[1]);
  m.rows = a[ta ? 1 : 0];
  m.inner = a[ta ? 0 : 1];
  m.columns = op.operands[1]->type.shape()[tb ? 0 : 1];
  if (op.operands.size() > 2) m.start = homes_.ref(op.operands[2]);
  m.out = homes_.ref_to(homes_.home(op.result()), op.result());
  m.op = &op;
  if (m.out.strides[1] != 1) turn(m);
  return m;
}

DenseKernel DenseKernels::gather(const Op& op) {
  const Value *table = op.operands[0], *index = op.operands[1];
  return plan::DenseGather{views_.element_dims(index),
                           views_.row_dims(table),
                           table->type.shape()[0],
                           rows_.table_ref(op),
                           homes_.ref(index),
                           homes_.home_ref(op.result()),
                           &op};
}

}  // namespace nodec::lowering
