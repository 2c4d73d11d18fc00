// Sums whose terms are added to the result itself, without slots: contractions over the batch with
// more outputs than slots are worth, and scatter_add. Outputs are split over threads, and each is
// one chain.
#include "compiler/lower/batch.h"
#include "compiler/lower/dense_kernels.h"

namespace nodec::lowering {

using plan::DenseKernel;
using plan::Ref;

DenseKernel DenseKernels::sum_alone(const Op& op) {
  return sum_in_place({{&op, nullptr, op.parent}}, homes_.home_ref(op.result()), false);
}

DenseKernel DenseKernels::sum_in_place(const std::vector<AccumulatorTerm>& terms, Ref out,
                                       bool accumulate) {
  const Op& first = *terms[0].sum;
  if (first.primitive != &scatter_add_p) return large_contract(terms, std::move(out), accumulate);
  plan::DenseScatter kernel = scatter(terms);
  kernel.out = std::move(out);
  kernel.accumulate = accumulate;
  return kernel;
}

plan::DenseScatter DenseKernels::scatter(const std::vector<AccumulatorTerm>& terms) {
  plan::DenseScatter kernel;
  const Value* table = terms[0].sum->result();
  kernel.row = views_.row_dims(table);
  kernel.limit = table->type.shape()[0];
  kernel.op = terms[0].sum;
  for (const AccumulatorTerm& term : terms) kernel.terms.push_back(scatter_term(term));
  return kernel;
}

void DenseKernels::add_scatter_to_samples(plan::Nodes& nodes, const Op& op) {
  const Value* out = op.result();
  plan::Buffer b;
  b.name = "rows";
  b.space = plan::Buffer::Space::Dense;
  b.dtype = out->type.dtype();
  b.count = element_count(out->type.shape());
  const int rows = homes_.new_buffer(std::move(b));
  plan::DenseScatter kernel = scatter({{&op, nullptr, op.parent}});
  kernel.out = homes_.ref_to(rows, out);
  kernel.out.strides.insert(kernel.out.strides.begin(), views_.elements(out));
  nodes.push_back({DenseKernel{std::move(kernel)}});
  homes_.enter_new_segment();
  plan::Transfer import;
  import.extents = views_.extents(out);
  import.batch_last = false;
  import.batch_stride = views_.elements(out);
  import.dense = homes_.ref_to(rows, out);
  import.lanes = homes_.home_ref(out);
  plan::Phase phase;
  phase.body.push_back({plan::Tiles{{std::move(import)}}});
  nodes.push_back({std::move(phase)});
}

plan::ScatterTerm DenseKernels::scatter_term(const AccumulatorTerm& term) {
  homes_.enter_new_segment();  // read by other threads than made it: never a tile's own
  const Value *index = term.sum->operands[0], *update = term.sum->operands[1];
  return {views_.element_dims(index), views_.varying(index), homes_.ref(index), homes_.ref(update),
          sums_.scale_of(term)};
}

DenseKernel DenseKernels::large_contract(const std::vector<AccumulatorTerm>& terms, Ref out,
                                         bool accumulate) {
  plan::LargeContract kernel;
  kernel.rows = views_.elements(terms[0].sum->operands[0]);
  kernel.columns = views_.elements(terms[0].sum->operands[1]);
  kernel.out = std::move(out);
  kernel.accumulate = accumulate;
  kernel.op = terms[0].sum;
  for (const AccumulatorTerm& term : terms) kernel.terms.push_back(rows_term(term));
  return kernel;
}

plan::RowsTerm DenseKernels::rows_term(const AccumulatorTerm& term) {
  homes_.enter_new_segment();  // read by other threads than made it: never a tile's own
  plan::RowsTerm made;
  made.g = homes_.ref(term.sum->operands[0]);
  made.scale = sums_.scale_of(term);
  made.h = rows_.rows(term.sum->operands[1], term.region);
  return made;
}

}  // namespace nodec::lowering
