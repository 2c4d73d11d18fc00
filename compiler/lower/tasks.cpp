// Kinds of work, op by op.
#include "compiler/lower/tasks.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "ir/rewrite.h"
#include "kernels/sample_loop.h"

namespace nodec::lowering {

using Kind = Task::Kind;

std::vector<const Value*> Task::makes() const {
  std::vector<const Value*> made;
  if (input) made.push_back(input);
  if (sum && sum->result) made.push_back(sum->result);
  if (op) {
    for (const auto& r : op->results) made.push_back(r.get());
  }
  return made;
}

std::vector<AccumulatorTerm> Task::terms() const {
  std::vector<AccumulatorTerm> terms;
  if (sum == nullptr) return terms;
  for (const AccumulatorTerm& t : sum->terms) {
    if (t.region == region) terms.push_back(t);
  }
  return terms;
}

std::vector<Task> Tasks::of(const Region& region) const {
  std::vector<Task> tasks;
  for (const auto& op : region.ops) {
    const bool made_at_once = op->primitive == &tape_new_p || op->primitive == &function_p;
    if (made_at_once || views_.is_view(*op) || sums_.belongs(*op)) continue;
    Task task;
    task.kind = kind_of(*op);
    task.op = op.get();
    task.needs = views_.bases(*op);
    task.reports = has_effect(*op);
    tasks.push_back(std::move(task));
  }
  for (const Accumulator* sum : sums_.in(region)) tasks.push_back(task_of(*sum, region));
  return tasks;
}

Task Tasks::task_of(const Accumulator& sum, const Region& region) const {
  Task task;
  task.sum = &sum;
  task.region = &region;
  task.kind = is_added_in_place(*sum.terms[0].sum, views_.batch()) ? Kind::Dense : Kind::Tile;
  for (const AccumulatorTerm& term : task.terms()) {
    for (const Value* v : views_.bases(*term.sum)) task.needs.push_back(v);
    if (!term.scale) continue;
    const Value* scale = views_.resolve(term.scale).base;
    if (!is_constant(scale)) task.needs.push_back(scale);
  }
  return task;
}

bool Tasks::scalar_only(const Region& region) const {
  const auto plain = [&](const Value* v) { return v->type.is_scalar(); };
  for (const auto& arg : region.args) {
    if (!plain(arg.get()) && arg->type.kind() != Type::Kind::Tape) return false;
  }
  for (const auto& op : region.ops) {
    if (op->primitive == &tape_read_p) continue;
    if (!std::all_of(op->results.begin(), op->results.end(),
                     [&](const auto& r) { return plain(r.get()); })) {
      return false;
    }
    for (const auto& inner : op->regions) {
      if (!scalar_only(*inner)) return false;
    }
    if (op->primitive->form == Form::Tape || op->primitive->form == Form::Effect) return false;
  }
  return true;
}

Kind Tasks::kind_of(const Op& op) const {
  const std::string& batch = views_.batch();
  if (op.primitive->form == Form::Effect) return Kind::Report;
  if (op.primitive == &tape_read_p) return Kind::TapeRead;
  if (op.primitive == &tape_write_p) return Kind::TapeWrite;
  if (op.primitive == &while_p) {
    return scalar_only(op.region(0)) && scalar_only(op.region(1)) ? Kind::Scalar : Kind::Loop;
  }
  if (op.primitive == &cond_p) return Kind::Branch;
  if (op.primitive == &apply_p) return Kind::Apply;
  if (is_added_in_place(op, batch)) return Kind::Dense;
  if (picks_samples(op, batch)) {
    return op.primitive == &gather_p && views_.varying(op.result()) ? Kind::Tile : Kind::Dense;
  }
  if (reads_batch(op, batch) || views_.varying(op.result())) return Kind::Tile;
  const bool elementwise =
      op.primitive->form == Form::Elementwise || op.primitive->form == Form::Generate;
  return elementwise && op.result()->type.is_scalar() ? Kind::Scalar : Kind::Dense;
}

// Numbers every thread has, and samples.
bool Tasks::chunk_does(const Region& region) const {
  if (sums_.finished_in(region)) return false;
  return std::all_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
    if (sums_.belongs(*op) || views_.is_view(*op)) return true;
    const Kind kind = kind_of(*op);
    if (kind == Kind::Tile) {
      return !is_batch_reduction(*op, views_.batch()) && !picks_samples(*op, views_.batch());
    }
    if (kind == Kind::Scalar) return op->regions.empty();
    if (kind == Kind::Loop) return is_of_samples(*op) && fits_in_chunk(*op);
    return kind == Kind::TapeRead;
  });
}

// Whether each sample runs until its own condition ends it, the samples being the batch.
bool Tasks::is_of_samples(const Op& loop) const {
  const std::optional<std::size_t> running = carry_of_samples(loop);
  return running && views_.varying(loop.operands[*running]);
}

bool Tasks::fits_in_chunk(const Op& loop) const {
  for (std::size_t i = 0; i < loop.results.size(); ++i) {
    const Type& type = loop.operands[i]->type;
    const Accumulator* sum = sums_.of(loop, i);
    if (sum ? is_added_in_place(*sum->terms[0].sum, views_.batch())
            : !type.is_tensor() || (!type.is_scalar() && !views_.varying(loop.operands[i]))) {
      return false;
    }
  }
  if (!is_of_samples(loop) && !chunk_does(loop.region(0))) return false;
  if (!chunk_does(loop.region(1))) return false;
  // Scalars the loop ends with are known to the chunk's loop alone.
  const auto scalar_result = [&](const Value* x) {
    return x->op == &loop && x->type.is_scalar() && !sums_.of(loop, std::size_t(x->index));
  };
  for (const auto& op : loop.parent->ops) {
    if (std::any_of(op->operands.begin(), op->operands.end(), scalar_result)) return false;
  }
  const auto& yielded = loop.parent->results;
  return std::none_of(yielded.begin(), yielded.end(), scalar_result);
}

}  // namespace nodec::lowering
