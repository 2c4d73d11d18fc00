// Loops and branches.
//
// A loop whose samples never meet (the reverse sweep: its batch sums are accumulators) runs inside
// a phase, chunk by chunk, with no barrier. Any other loop is walked by the whole team in step.
// Carries that are scalars are loop state; carries with samples or elements have one buffer,
// written at the end of each turn.
#include <algorithm>

#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"

namespace nodec::lowering {

using plan::Buffer;
using plan::Nodes;
using plan::Ref;

// Whether a chunk can do all of a loop's region alone: numbers every thread has, and samples.
bool Lowering::chunk_does(const Region& region) {
  if (sums_.finished_in(region)) return false;
  return std::all_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
    if (sums_.belongs(*op) || is_view(*op)) return true;
    const Task::Kind kind = kind_of(*op);
    if (kind == Task::Kind::Tile) {
      return !is_batch_reduction(*op, graph_.batch) && !picks_samples(*op, graph_.batch);
    }
    if (kind == Task::Kind::Scalar) return op->regions.empty();
    return kind == Task::Kind::TapeRead;
  });
}

bool Lowering::fits_in_chunk(const Op& loop) {
  const auto carried = static_cast<std::size_t>(loop.attrs.get<std::int64_t>("carried"));
  for (std::size_t i = 0; i < carried; ++i) {
    const Type& type = loop.operands[i]->type;
    const Accumulator* sum = sums_.of(loop, i);
    if (sum ? is_in_place(*sum->terms[0].sum)
            : !type.is_tensor() || (!type.is_scalar() && !varying(loop.operands[i]))) {
      return false;
    }
  }
  // Scalars the loop ends with are known to the chunk's loop alone.
  const auto scalar_result = [&](const Value* x) {
    return x->op == &loop && x->type.is_scalar() &&
           !sums_.of(loop, static_cast<std::size_t>(x->index));
  };
  for (const auto& op : loop.parent->ops) {
    if (std::any_of(op->operands.begin(), op->operands.end(), scalar_result)) return false;
  }
  const auto& yielded = loop.parent->results;
  if (std::any_of(yielded.begin(), yielded.end(), scalar_result)) return false;
  return chunk_does(loop.region(0)) && chunk_does(loop.region(1));
}

void Lowering::add_loop(Nodes& nodes, const Op& op, Scope scope) {
  plan::While loop;
  enter_loop(nodes, op, scope, loop);
  loop.test = schedule(op.region(0), scope);
  loop.test_scalar = scalar_of(op.region(0).results[0], loop.test);
  loop.body = schedule(op.region(1), scope);
  next_carries(loop.body, op, scope, loop);
  nodes.push_back({std::move(loop)});
  if (scope == Scope::Team) leave_loop(nodes, op);
}

void Lowering::enter_loop(Nodes& nodes, const Op& op, Scope scope, plan::While& loop) {
  const auto carried = static_cast<std::size_t>(op.attrs.get<std::int64_t>("carried"));
  LoopEntry entry;
  for (std::size_t i = 0; i < op.operands.size(); ++i) {
    const Value* in = op.operands[i];
    const LoopOperand operand{
        in, {op.region(0).arg(i), op.region(1).arg(i)}, i < carried ? op.result(i) : nullptr};
    if (i >= carried) {
      for (const Value* arg : operand.args) alias_[arg] = in;
      continue;
    }
    for (const Value* arg : operand.args) available_.insert(arg);
    if (const Accumulator* sum = sums_.of(op, i)) {
      enter_sum(entry, operand, *sum);
    } else {
      enter_carry(entry, operand, nodes, loop);
    }
  }
  if (scope == Scope::Team && !entry.clears.empty()) {
    nodes.push_back({plan::Phase{std::move(entry.clears)}});
  } else {
    nodes.insert(nodes.begin(), entry.clears.begin(), entry.clears.end());
  }
  nodes.insert(nodes.end(), entry.zeros.begin(), entry.zeros.end());
  copies(nodes, entry.moves, scope);
}

// A sum over the samples starts at zero: in its slots, or where it is large in its own buffer.
void Lowering::enter_sum(LoopEntry& entry, const LoopOperand& carry, const Accumulator& sum) {
  const Value* result = carry.result;
  if (!is_in_place(*sum.terms[0].sum)) {
    const int slots =
        new_slots(carry.in->name.empty() ? "sum" : carry.in->name, result->type.dtype(),
                  element_count(result->type.shape()).constant());
    slots_[&sum] = slots;
    entry.clears.push_back({plan::ClearSlots{slots, nullptr}});
    return;
  }
  entry.zeros.push_back({plan::DenseMap{
      {element_count(result->type.shape())},
      {{nullptr, {plan::Zero{result->type.dtype()}}, Ref{home(result), -1, {1}, 0}}}}});
  kept_.insert(home(result));
}

void Lowering::enter_carry(LoopEntry& entry, const LoopOperand& carry, Nodes& nodes,
                           plan::While& loop) {
  const auto& [in, args, result] = carry;
  if (in->type.kind() == Type::Kind::Tape) {
    for (const Value* v : {args[0], args[1], result}) set_tape(v, tape_of(in));
  } else if (in->type.is_scalar()) {
    const int init = scalar_of(in, nodes);
    const int id = new_scalar(in->type.dtype());
    for (const Value* v : {args[0], args[1], result}) scalar_[v] = id;
    loop.carries.push_back({id, init, -1});
  } else {
    const int buffer = home(result);
    if (varying(result))
      plan_.buffers[static_cast<std::size_t>(buffer)].space = Buffer::Space::Lanes;
    for (const Value* arg : args) buffer_[arg] = buffer;
    entry.moves.emplace_back(in, buffer);
  }
}

// Carries that take each other's values (a swap) go through buffers of their own.
Moves Lowering::without_conflicts(Nodes& nodes, Moves moves, Scope scope) {
  Moves before;
  for (auto& [from, to] : moves) {
    const View view = resolve(from);
    const auto found = buffer_.find(view.base);
    if (found == buffer_.end()) continue;
    const bool taken = std::any_of(moves.begin(), moves.end(), [&, own = to](const auto& other) {
      return other.second != own && other.second == found->second;
    });
    if (!taken) continue;
    NODEC_CHECK(view.base == from, "carries that take views of each other");
    Buffer b = plan_.buffers[static_cast<std::size_t>(to)];
    b.name += " next";
    const int fresh = new_buffer(std::move(b));
    before.emplace_back(from, fresh);
  }
  copies(nodes, before, scope);
  Moves after = moves;
  for (auto& [from, to] : after) {
    for (const auto& [v, fresh] : before) {
      if (v == from) buffer_[from] = fresh;
    }
  }
  return after;
}

void Lowering::next_carries(Nodes& nodes, const Op& op, Scope scope, plan::While& loop) {
  Moves moves;
  std::size_t scalar = 0;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    const Value* next = op.region(1).results[i];
    if (sums_.of(op, i) || next->type.kind() == Type::Kind::Tape) continue;
    if (next->type.is_scalar()) {
      loop.carries[scalar++].next = scalar_of(next, nodes);
      continue;
    }
    if (resolve(next).base == op.region(1).arg(i)) continue;
    moves.emplace_back(next, buffer_.at(op.result(i)));
  }
  copies(nodes, without_conflicts(nodes, std::move(moves), scope), scope);
}

void Lowering::leave_loop(Nodes& nodes, const Op& op) {
  segment_ = next_segment_++;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    const Accumulator* sum = sums_.of(op, i);
    if (!sum || !slots_.count(sum)) continue;
    nodes.push_back(
        {plan::FoldSlots{slots_.at(sum), nullptr, Ref{home(op.result(i)), -1, {1}, 0}}});
  }
}

void Lowering::copies(Nodes& nodes, const Moves& moves, Scope scope) {
  TileList list;
  list.segment = next_segment_++;
  for (const auto& [from, to] : moves) {
    if (varying(from)) {
      add_copy(list, from, ref_to(to, from));
    } else {
      segment_ = list.segment;
      nodes.push_back({dense_copy(from, ref_to(to, from))});
    }
  }
  if (list.kernels.empty()) return;
  plan::Tiles tiles{std::move(list.kernels)};
  if (scope == Scope::Team) {
    plan::Phase phase;
    phase.body.push_back({std::move(tiles)});
    nodes.push_back({std::move(phase)});
  } else {
    nodes.push_back({std::move(tiles)});
  }
}

void Lowering::add_branch(Nodes& nodes, const Op& op) {
  plan::If branch;
  branch.predicate = scalar_of(op.operands[0], nodes);
  for (std::size_t r = 0; r < op.results.size(); ++r) {
    const Value* v = op.result(r);
    if (sums_.passes(op, r) || v->type.kind() == Type::Kind::Tape) continue;
    if (v->type.is_scalar()) {
      branch.merges.push_back({scalar_home(v), -1, -1});
    } else if (varying(v)) {
      plan_.buffers[static_cast<std::size_t>(home(v))].space = Buffer::Space::Lanes;
    }
  }
  branch.then_body = branch_body(op, 0, branch.merges);
  branch.else_body = branch_body(op, 1, branch.merges);
  nodes.push_back({std::move(branch)});
}

Nodes Lowering::branch_body(const Op& op, std::size_t k, std::vector<plan::Merge>& merges) {
  const Region& region = op.region(k);
  for (std::size_t i = 0; i < region.args.size(); ++i) alias_[region.arg(i)] = op.operands[i + 1];
  Nodes nodes = schedule(region, Scope::Team);
  Moves moves;
  std::size_t merge = 0;
  for (std::size_t r = 0; r < op.results.size(); ++r) {
    if (sums_.passes(op, r)) continue;
    const Value* v = region.results[r];
    if (v->type.kind() == Type::Kind::Tape) {
      pass_tape(*op.result(r), *v);
    } else if (v->type.is_scalar()) {
      const int id = scalar_of(v, nodes);
      (k == 0 ? merges[merge].when_true : merges[merge].when_false) = id;
      ++merge;
    } else {
      moves.emplace_back(v, home(op.result(r)));
    }
  }
  copies(nodes, moves, Scope::Team);
  return nodes;
}

}  // namespace nodec::lowering
