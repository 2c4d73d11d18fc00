// Sums over the batch while they are on their way: 16 running sums an output and chunk, the slots,
// which are emptied before the first term and folded behind the last.
//
// Knows which sums are accumulators, the slots of each, and the scalars that scale terms.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/lower/accumulators.h"
#include "compiler/lower/homes.h"

namespace nodec::lowering {

class BatchSums {
 public:
  BatchSums(const Graph& graph, Homes& homes) : chains_(graph), homes_(homes) {}

  const Accumulators& chains() const { return chains_; }

  // Gives a sum slots; the node that empties them.
  plan::Node begin(const Accumulator& sum, const Value* result, const std::string& name);
  plan::Node begin(const Op& sum);
  int slots(const Accumulator& sum) const { return of_chain_.at(&sum); }
  int slots(const Op& sum) const { return of_op_.at(&sum); }
  // The node that adds up what has slots, into the home of `result`; nothing for others.
  void fold(plan::Nodes& nodes, const Accumulator& sum, const Value* result);
  void fold(plan::Nodes& nodes, const Op& sum);

  // Loads what scales these terms, before the work that adds them.
  void load_scales(const std::vector<AccumulatorTerm>& terms, plan::Nodes& nodes);
  std::optional<int> scale_of(const AccumulatorTerm& term) const;

 private:
  int new_slots(const std::string& name, const Value* result);

  Accumulators chains_;
  Homes& homes_;
  std::map<const Accumulator*, int> of_chain_;
  std::map<const Op*, int> of_op_;  // sums that are no chain
  std::map<const Value*, int> scales_;
};

}  // namespace nodec::lowering
