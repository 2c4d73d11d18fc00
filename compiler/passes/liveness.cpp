// Needs, op kind by op kind.
#include "compiler/passes/liveness.h"

#include "ir/primitive.h"
#include "ir/rewrite.h"
#include "kernels/catalogue.h"

namespace nodec {

OpKind kind_of(const Op& op) {
  if (op.regions.empty()) return OpKind::Plain;
  const Primitive* const p = op.primitive;
  if (p == &call_p) return OpKind::Call;
  if (p == &cond_p) return OpKind::Cond;
  if (p == &while_p) return OpKind::While;
  if (p == &solve_p && op.regions.size() == 1) return OpKind::Solve;
  return OpKind::Opaque;
}

Liveness::Liveness(const Graph& graph) {
  for (const Value* result : graph.body.results) need(result);
  need_effects(graph.body);
  while (!pending_.empty()) {
    const Value* value = pending_.back();
    pending_.pop_back();
    if (value->op != nullptr) {
      need_result(*value->op, std::size_t(value->index));
    } else if (value->region->parent != nullptr) {
      need_argument(*value->region->parent, std::size_t(value->index));
    }
  }
}

void Liveness::need(const Value* value) {
  if (values_.insert(value).second) pending_.push_back(value);
}

void Liveness::need_all(const std::vector<Value*>& values) {
  for (const Value* value : values) need(value);
}

// An op with an effect is needed for itself, and so is every op around it.
bool Liveness::need_effects(const Region& region) {
  bool any = false;
  for (const auto& op : region.ops) {
    bool effect = op->results.empty() || op->primitive->form == Form::Effect || runs_function(*op);
    for (const auto& nested : op->regions) {
      const bool inside = need_effects(*nested);
      effect |= inside && !makes_function(*op);
    }
    if (effect) need_op(*op);
    any |= effect;
  }
  return any;
}

// What is needed whichever of the results is.
void Liveness::need_op(const Op& op) {
  if (!ops_.insert(&op).second) return;
  switch (kind_of(op)) {
    case OpKind::Plain:
      return need_all(op.operands);
    case OpKind::Call:
      return;
    case OpKind::Cond:
      return need(op.operands[0]);
    case OpKind::While:
      return need_all(op.region(0).results);
    case OpKind::Solve:
      return need_solve(op);
    case OpKind::Opaque:
      break;
  }
  need_all(op.operands);
  for (const auto& region : op.regions) {
    need_all(region->results);
    for (const auto& arg : region->args) need(arg.get());
  }
}

void Liveness::need_solve(const Op& op) {
  const SolveParts parts(op);
  for (std::size_t i = 0; i < parts.first_cell(); ++i) need(op.operands[i]);
  // Integrals that are in the error norm decide the steps, whoever reads them.
  const std::size_t steering =
      parts.states() + (parts.bounds_integrals() ? parts.quadratures() : 0);
  for (std::size_t i = 0; i < steering; ++i) need(op.region().results[i]);
  for (std::size_t i = 0; i < 1 + parts.states(); ++i) need(op.region().arg(i));
  if (!parts.goes_along()) return;
  need(op.region().arg(parts.first_cell_arg()));     // the frame's number
  need(op.region().arg(parts.first_capture_arg()));  // and the tape
}

void Liveness::need_result(const Op& op, std::size_t i) {
  need_op(op);
  switch (kind_of(op)) {
    case OpKind::Call:
      return need(op.region().results[i]);
    case OpKind::Cond:
      return need(op.region(0).results[i]), need(op.region(1).results[i]);
    case OpKind::While:
      return need_carry(op, i);
    case OpKind::Solve:
      return need_solve_result(op, i);
    case OpKind::Plain:
    case OpKind::Opaque:
      return;
  }
}

void Liveness::need_carry(const Op& op, std::size_t i) {
  need(op.operands[i]);
  need(op.region(1).results[i]);
}

void Liveness::need_cell(const Op& op, const SolveParts& parts, std::size_t cell) {
  need(op.operands[parts.first_cell() + cell]);
  need(op.region().results[parts.first_cell_result() + cell]);
}

void Liveness::need_solve_result(const Op& op, std::size_t i) {
  const SolveParts parts(op);
  if (i < parts.first_cell_result()) return need(op.region().results[i]);
  if (i < parts.first_residual()) return need_cell(op, parts, i - parts.first_cell_result());
  if (!parts.has_tape() || i + 1 < op.results.size()) return;
  for (std::size_t r = parts.first_residual(); r < op.region().results.size(); ++r) {
    need(op.region().results[r]);
  }
}

void Liveness::need_argument(const Op& op, std::size_t i) {
  need_op(op);
  switch (kind_of(op)) {
    case OpKind::Call:
      return need(op.operands[i]);
    case OpKind::Cond:
      return need(op.operands[i + 1]);
    case OpKind::While:
      if (i < op.region(1).results.size()) return need_carry(op, i);
      return need(op.operands[i]);
    case OpKind::Solve:
      return need_solve_argument(op, i);
    case OpKind::Plain:
    case OpKind::Opaque:
      return;
  }
}

void Liveness::need_solve_argument(const Op& op, std::size_t i) {
  const SolveParts parts(op);
  if (i < parts.first_cell_arg()) return;  // time and states always live
  if (i < parts.first_capture_arg()) return need_cell(op, parts, i - parts.first_cell_arg());
  need(op.operands[parts.operand_of(i)]);
}

}  // namespace nodec
