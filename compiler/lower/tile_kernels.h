// Ops on one tile of samples as kernels: loops over elements whose every value is a vector of
// samples; and the functions that are called on one tile.
//
// Elementwise ops of the same extents share one loop (join_map.h). All other values pass between
// kernels through small buffers that stay in L1.
//
// Knows the functions that there are, by their text and how their tensors lie.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/lower/batch_sums.h"
#include "compiler/lower/row_reads.h"
#include "compiler/lower/tile_list.h"

namespace nodec::lowering {

class TileKernels {
 public:
  TileKernels(plan::Plan& plan, Homes& homes, BatchSums& sums, RowReads& rows)
      : plan_(plan), homes_(homes), views_(homes.views()), sums_(sums), rows_(rows) {}

  void add(TileList& list, const Op& op);
  // A sum over the batch goes to slots, as do those of a chain's terms that stand in `region`.
  void add_batch_sum(TileList& list, const Op& op);
  void add_accumulation(TileList& list, const Accumulator& sum, const Region& region);
  // Between a port, row-major as the caller laid it out, and the blocks of 16 samples.
  void add_transfer(TileList& list, const Value* v, int port, bool import);
  int add_rows(TileList& list, const Value* v);  // a copy of v sample by sample: its buffer
  std::size_t functions() const { return functions_.size(); }

 private:
  void add_map(TileList& list, const Op& op);
  void add_fold(TileList& list, const Op& op);
  void add_matvec(TileList& list, const Op& op);
  void add_gather(TileList& list, const Op& op);
  void add_scatter(TileList& list, const Op& op);
  void add_join(TileList& list, const Op& op);
  plan::Ref tile_ref(TileList& list, const Value* v);  // contiguous in lanes, copied if it is not

  void add_term(TileList& list, const AccumulatorTerm& term, int slots);
  void add_slot_sum(TileList& list, const AccumulatorTerm& term, int slots);
  void add_slot_product(TileList& list, const AccumulatorTerm& term, int slots);

  void add_call(TileList& list, const Op& op);
  int function_of(const Op& call);
  std::string layout(const Op& call) const;
  void declare_arguments(const Op& call, plan::Function& function);
  void declare_results(const Region& region, plan::Function& function);
  plan::Nodes function_body(const Region& region, const std::vector<int>& results);

  plan::Plan& plan_;
  Homes& homes_;
  Views& views_;
  BatchSums& sums_;
  RowReads& rows_;
  std::map<std::string, int> functions_;
};

}  // namespace nodec::lowering
