// Ops on tensors without a batch, split over threads by output elements; among them sums over the
// batch whose terms are added to the result itself.
//
// Knows nothing of its own: each list of ops becomes kernels at once.
#pragma once

#include <map>
#include <vector>

#include "compiler/lower/batch_sums.h"
#include "compiler/lower/row_reads.h"
#include "compiler/lower/tile_list.h"

namespace nodec::lowering {

class DenseKernels {
 public:
  DenseKernels(Homes& homes, BatchSums& sums, RowReads& rows)
      : homes_(homes), views_(homes.views()), sums_(sums), rows_(rows) {}

  void add(plan::Nodes& nodes, const std::vector<const Op*>& ops);
  // A sum without slots: its terms are added to the result itself, one after another.
  plan::DenseKernel sum_in_place(const std::vector<AccumulatorTerm>& terms, plan::Ref out,
                                 bool accumulate);
  // Cells that are samples' are added up row by row, and then become lanes.
  void add_scatter_to_samples(plan::Nodes& nodes, const Op& op);

 private:
  using Kernels = std::vector<plan::DenseKernel>;
  using Made = std::map<const Value*, TileList::Place>;

  void check_counted(const Op& reshape) const;
  void add_map(Kernels& kernels, Made& made, const Op& op);
  void add_join(Kernels& kernels, const Op& op);
  void add_element(Kernels& kernels, std::size_t first, const Value* x, const plan::Ref& to);
  plan::DenseKernel fold(const Op& op);
  plan::DenseKernel matmul(const Op& op);
  plan::DenseKernel gather(const Op& op);
  plan::DenseKernel sum_alone(const Op& op);
  plan::DenseScatter scatter(const std::vector<AccumulatorTerm>& terms);
  plan::ScatterTerm scatter_term(const AccumulatorTerm& term);
  plan::DenseKernel large_contract(const std::vector<AccumulatorTerm>& terms, plan::Ref out,
                                   bool accumulate);
  plan::RowsTerm rows_term(const AccumulatorTerm& term);

  Homes& homes_;
  Views& views_;
  BatchSums& sums_;
  RowReads& rows_;
};

}  // namespace nodec::lowering
