// Sums whose terms are added to the result itself, without slots: contractions over the batch with
// more outputs than slots are worth, and scatter_add. Outputs are split over threads, and each is
// one chain.
#include <algorithm>

#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"

namespace nodec::lowering {

using plan::Compute;
using plan::DenseKernel;
using plan::Ref;

bool Lowering::is_in_place(const Op& sum) const { return is_added_in_place(sum, graph_.batch); }

DenseKernel Lowering::sum_alone(const Op& op) {
  return sum_in_place({{&op, nullptr, op.parent}}, home_ref(op.result()), false);
}

// A sum without slots: its terms are added to the result itself, one after another.
DenseKernel Lowering::sum_in_place(const std::vector<AccumulatorTerm>& terms, Ref out,
                                   bool accumulate) {
  const Op& first = *terms[0].sum;
  if (first.primitive != &scatter_add_p) return large_contract(terms, std::move(out), accumulate);
  plan::DenseScatter kernel = scatter(terms);
  kernel.out = std::move(out);
  kernel.accumulate = accumulate;
  return kernel;
}

plan::DenseScatter Lowering::scatter(const std::vector<AccumulatorTerm>& terms) {
  plan::DenseScatter kernel;
  const Value* table = terms[0].sum->result();
  kernel.row = row_dims(table);
  kernel.limit = table->type.shape()[0];
  kernel.where = terms[0].sum->where;
  for (const AccumulatorTerm& term : terms) kernel.terms.push_back(scatter_term(term));
  return kernel;
}

// Cells that are samples' are added up row by row, and then become lanes.
void Lowering::add_scatter_to_samples(plan::Nodes& nodes, const Op& op) {
  const Value* out = op.result();
  plan::Buffer b;
  b.name = "rows";
  b.space = plan::Buffer::Space::Dense;
  b.dtype = out->type.dtype();
  b.count = element_count(out->type.shape());
  const int rows = new_buffer(std::move(b));
  plan::DenseScatter kernel = scatter({{&op, nullptr, op.parent}});
  kernel.out = ref_to(rows, out);
  kernel.out.strides.insert(kernel.out.strides.begin(), elements(out));
  nodes.push_back({DenseKernel{std::move(kernel)}});
  segment_ = next_segment_++;
  plan::Transfer import;
  import.extents = extents(out);
  import.batch_last = false;
  import.batch_stride = elements(out);
  import.dense = ref_to(rows, out);
  import.lanes = home_ref(out);
  plan::Phase phase;
  phase.body.push_back({plan::Tiles{{std::move(import)}}});
  nodes.push_back({std::move(phase)});
}

plan::ScatterTerm Lowering::scatter_term(const AccumulatorTerm& term) {
  segment_ = next_segment_++;  // read by other threads than made it: never a tile's own
  const Value *index = term.sum->operands[0], *update = term.sum->operands[1];
  return {element_dims(index), varying(index), ref(index), ref(update), scale_of(term)};
}

DenseKernel Lowering::large_contract(const std::vector<AccumulatorTerm>& terms, Ref out,
                                     bool accumulate) {
  plan::LargeContract kernel;
  kernel.rows = elements(terms[0].sum->operands[0]);
  kernel.columns = elements(terms[0].sum->operands[1]);
  kernel.out = std::move(out);
  kernel.accumulate = accumulate;
  kernel.where = terms[0].sum->where;
  for (const AccumulatorTerm& term : terms) kernel.terms.push_back(rows_term(term));
  return kernel;
}

plan::RowsTerm Lowering::rows_term(const AccumulatorTerm& term) {
  segment_ = next_segment_++;  // read by other threads than made it: never a tile's own
  plan::RowsTerm made;
  made.g = ref(term.sum->operands[0]);
  made.scale = scale_of(term);
  const Value* h = term.sum->operands[1];
  if (const auto picked = picked_rows(h)) {
    made.h = table_rows(*picked);
  } else {
    made.h = plan::SampleRows{rows_.at({h, term.region})};
  }
  return made;
}

// Whether h is elementwise work on rows gathered from a table: then its sample-major form is the
// table itself, read row by row, and nothing needs to be copied.
std::optional<PickedRows> Lowering::picked_rows(const Value* h) {
  PickedRows found;
  const Value* v = h;
  for (;;) {
    const View view = resolve(v);
    v = view.base;
    if (!v->op || view.start != 0 || !contiguous(v, view)) return std::nullopt;
    if (v->op->primitive == &gather_p) break;
    if (v->op->primitive->form != Form::Elementwise || found.work.size() > 8) return std::nullopt;
    found.work.push_back(v->op);
    const Value* next = nullptr;
    for (const Value* x : v->op->operands) {
      const Value* base = resolve(x).base;
      if (is_constant(base) || base->type.is_scalar()) continue;
      if (next) return std::nullopt;
      next = x;
    }
    if (!next) return std::nullopt;
    v = next;
  }
  found.gather = v->op;
  std::reverse(found.work.begin(), found.work.end());
  const Value *table = v->op->operands[0], *rows = v->op->operands[1];
  const Value* index = resolve(rows).base;
  const bool one_a_sample = rows->type.rank() == 1 && varying(index) && elements(index) == 1;
  if (varying(table) || !one_a_sample || !contiguous(table, resolve(table))) return std::nullopt;
  return found;
}

plan::TableRows Lowering::table_rows(const PickedRows& picked) {
  const Value* table = picked.gather->operands[0];
  plan::TableRows rows{ref(table), ref(picked.gather->operands[1]), table->type.shape()[0], {}};
  const Value* last = picked.gather->result();
  plan::Source made = plan::RowElement{};
  for (const Op* op : picked.work) {
    Compute compute{op, {}, {}};
    for (const Value* x : op->operands) {
      compute.operands.push_back(resolve(x).base == last ? made : ref(x));
    }
    made = plan::Register{rows.computes.size()};
    rows.computes.push_back(std::move(compute));
    last = op->result();
  }
  return rows;
}

}  // namespace nodec::lowering
