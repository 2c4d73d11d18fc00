// Reductions on one tile of samples as kernels: over axes of each sample they give a value, over
// the samples they add to slots, which outlive the tile (plan.h states the order of such a sum).
#include <algorithm>

#include "compiler/lower/batch.h"
#include "compiler/lower/tile_kernels.h"

namespace nodec::lowering {
namespace {

// The multiplication under a sum that nothing else reads.
const Op* fused_product(const Op& sum) {
  const Value* x = sum.operands[0];
  if (sum.primitive != &sum_p || !x->op || x->op->primitive != &mul_p) return nullptr;
  std::size_t uses = 0;
  for (const auto& op : x->region->ops)
    uses += std::size_t(std::count(op->operands.begin(), op->operands.end(), x));
  uses += std::size_t(std::count(x->region->results.begin(), x->region->results.end(), x));
  return uses == 1 ? x->op : nullptr;
}

}  // namespace

void TileKernels::add_fold(TileList& list, const Op& op) {
  const Value* x = op.operands[0];
  plan::FoldElements fold;
  fold.op = &op;
  plan::Ref from = homes_.ref(x);
  const FoldAxes axes = views_.fold_axes(op, views_.extents(x), from.strides);
  fold.outer = axes.outer;
  fold.inner = axes.inner;
  from.strides = axes.strides;
  fold.computes.push_back({nullptr, {std::move(from)}, {}});
  fold.out = homes_.ref_to(homes_.home(op.result()), op.result());
  list.kernels.emplace_back(std::move(fold));
  list.place(op.result());
}

void TileKernels::add_batch_sum(TileList& list, const Op& op) {
  homes_.enter(list.segment);
  add_term(list, {&op, nullptr, op.parent}, sums_.slots(op));
}

void TileKernels::add_term(TileList& list, const AccumulatorTerm& term, int slots) {
  const bool reduces = term.sum->primitive->form == Form::Reduce;
  reduces ? add_slot_sum(list, term, slots) : add_slot_product(list, term, slots);
}

// The kernel that adds to these slots: the terms of a sum come one after another.
template <class Kernel>
static Kernel& kernel_of(TileList& list, int slots, Kernel fresh) {
  Kernel* last = list.kernels.empty() ? nullptr : std::get_if<Kernel>(&list.kernels.back());
  if (last != nullptr && last->slots == slots) return *last;
  fresh.slots = slots;
  list.kernels.emplace_back(std::move(fresh));
  return std::get<Kernel>(list.kernels.back());
}

// A product that only this sum reads is fused into its chain.
void TileKernels::add_slot_sum(TileList& list, const AccumulatorTerm& sum, int slots) {
  const Op& op = *sum.sum;
  const Value* x = op.operands[0];
  const Op* product = fused_product(op);
  const auto axes = [&](const plan::Ref& to) {
    return views_.fold_axes(op, views_.extents(x), to.strides);
  };
  plan::SlotTerm term;
  term.scale = sums_.scale_of(sum);
  term.x = homes_.ref(product ? product->operands[0] : x);
  const FoldAxes folded = axes(term.x);
  term.inner = folded.inner;
  term.x.strides = folded.strides;
  if (product) {
    term.y = homes_.ref(product->operands[1]);
    term.y->strides = axes(*term.y).strides;
  }
  plan::SlotSum fresh;
  fresh.outer = folded.outer;
  fresh.op = &op;
  kernel_of(list, slots, std::move(fresh)).terms.push_back(std::move(term));
}

void TileKernels::add_slot_product(TileList& list, const AccumulatorTerm& term, int slots) {
  const Op& op = *term.sum;
  plan::SlotContract fresh;
  fresh.rows = views_.elements(op.operands[0]);
  fresh.columns = views_.elements(op.operands[1]);
  fresh.op = &op;
  // Samples are lanes wherever their axis stands, so the flags that say where do not matter.
  kernel_of(list, slots, std::move(fresh))
      .terms.push_back(
          {homes_.ref(op.operands[0]), homes_.ref(op.operands[1]), sums_.scale_of(term)});
}

void TileKernels::add_accumulation(TileList& list, const Accumulator& sum, const Region& region) {
  homes_.enter(list.segment);
  for (const AccumulatorTerm& term : sum.terms) {
    if (term.region == &region) add_term(list, term, sums_.slots(sum));
  }
}

}  // namespace nodec::lowering
