// Copies found, and tables in their place.
#include "compiler/lower/row_reads.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "kernels/rules.h"

namespace nodec::lowering {

std::vector<const Value*> RowReads::missing(const Task& task) const {
  std::vector<const Value*> values;
  if (task.op) note(*task.op, task.op->parent, values);
  for (const AccumulatorTerm& term : task.terms()) note(*term.sum, task.region, values);
  return values;
}

void RowReads::note(const Op& op, const Region* region, std::vector<const Value*>& values) const {
  const std::string& batch = views_.batch();
  const Value* read = nullptr;
  if (op.primitive == &gather_p && picks_samples(op, batch)) {
    read = op.operands[0];
  } else if (op.primitive == &matmul_p && is_added_in_place(op, batch) &&
             !picked_rows(op.operands[1])) {
    read = op.operands[1];
  }
  const bool here = std::find(values.begin(), values.end(), read) != values.end();
  if (read && !here && !copies_.contains({read, region})) values.push_back(read);
}

void RowReads::copied(const Task& task, const Value* v, int rows) {
  copies_[{v, task.op ? task.op->parent : task.region}] = rows;
}

std::variant<plan::SampleRows, plan::TableRows> RowReads::rows(const Value* h,
                                                               const Region* region) {
  if (const auto picked = picked_rows(h)) return table_rows(*picked);
  return plan::SampleRows{copies_.at({h, region})};
}

plan::Ref RowReads::table_ref(const Op& gather) {
  const Value* table = gather.operands[0];
  if (!picks_samples(gather, views_.batch())) return homes_.ref(table);
  plan::Ref rows = homes_.ref_to(copies_.at({table, gather.parent}), table);
  rows.strides.insert(rows.strides.begin(), views_.elements(table));
  return rows;
}

// Whether h is elementwise work on rows gathered from a table: then its sample-major form is the
// table itself, read row by row, and nothing needs to be copied.
std::optional<PickedRows> RowReads::picked_rows(const Value* h) const {
  PickedRows found;
  const Value* v = h;
  for (;;) {
    const View view = views_.resolve(v);
    v = view.base;
    if (!v->op || view.start != 0 || !views_.contiguous(v, view)) return std::nullopt;
    if (v->op->primitive == &gather_p) break;
    if (v->op->primitive->form != Form::Elementwise || found.work.size() > 8) return std::nullopt;
    found.work.push_back(v->op);
    const Value* next = nullptr;
    for (const Value* x : v->op->operands) {
      const Value* base = views_.resolve(x).base;
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
  const Value* index = views_.resolve(rows).base;
  const bool one_a_sample =
      rows->type.rank() == 1 && views_.varying(index) && views_.elements(index) == 1;
  if (views_.varying(table) || !one_a_sample || !views_.contiguous(table, views_.resolve(table)))
    return std::nullopt;
  return found;
}

plan::TableRows RowReads::table_rows(const PickedRows& picked) {
  const Value* table = picked.gather->operands[0];
  plan::TableRows rows{
      homes_.ref(table), homes_.ref(picked.gather->operands[1]), table->type.shape()[0], {}};
  const Value* last = picked.gather->result();
  plan::Source made = plan::RowElement{};
  for (const Op* op : picked.work) {
    plan::Compute compute{op, {}, {}};
    for (const Value* x : op->operands) {
      compute.operands.push_back(views_.resolve(x).base == last ? made : homes_.ref(x));
    }
    made = plan::Register{rows.computes.size()};
    rows.computes.push_back(std::move(compute));
    last = op->result();
  }
  return rows;
}

}  // namespace nodec::lowering
