// Slots: made, emptied, folded.
#include "compiler/lower/batch_sums.h"

#include "kernels/catalogue.h"

namespace nodec::lowering {

int BatchSums::new_slots(const std::string& name, const Value* result) {
  plan::Buffer b;
  b.name = name + " slots";
  b.space = plan::Buffer::Space::Slots;
  b.dtype = result->type.dtype();
  b.elements = element_count(result->type.shape()).constant();
  return homes_.new_buffer(std::move(b));
}

plan::Node BatchSums::begin(const Accumulator& sum, const Value* result, const std::string& name) {
  const int slots = of_chain_[&sum] = new_slots(name, result);
  return {plan::ClearSlots{slots, nullptr}};
}

plan::Node BatchSums::begin(const Op& sum) {
  const int slots = of_op_[&sum] = new_slots(std::string(sum.name()), sum.result());
  return {plan::ClearSlots{slots, &sum}};
}

void BatchSums::fold(plan::Nodes& nodes, const Accumulator& sum, const Value* result) {
  const auto found = of_chain_.find(&sum);
  if (found == of_chain_.end()) return;
  nodes.push_back({plan::FoldSlots{found->second, nullptr, {homes_.home(result), -1, {1}, 0}}});
}

void BatchSums::fold(plan::Nodes& nodes, const Op& sum) {
  const auto found = of_op_.find(&sum);
  if (found == of_op_.end()) return;
  const bool adds = sum.primitive->form == Form::Contract || sum.primitive == &sum_p;
  nodes.push_back({plan::FoldSlots{
      found->second, adds ? nullptr : &sum, {homes_.home(sum.result()), -1, {1}, 0}}});
}

void BatchSums::load_scales(const std::vector<AccumulatorTerm>& terms, plan::Nodes& nodes) {
  for (const AccumulatorTerm& term : terms) {
    if (term.scale) scales_[term.scale] = homes_.scalar_of(term.scale, nodes);
  }
}

std::optional<int> BatchSums::scale_of(const AccumulatorTerm& term) const {
  if (term.scale == nullptr) return std::nullopt;
  return scales_.at(term.scale);
}

}  // namespace nodec::lowering
