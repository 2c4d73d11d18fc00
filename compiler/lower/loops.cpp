// Carries in and out, turn by turn.
#include "compiler/lower/loops.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "kernels/sample_loop.h"

namespace nodec::lowering {

using plan::Buffer;
using plan::Nodes;
using plan::Ref;

void Loops::add_loop(Nodes& nodes, const Op& op, Scope scope) {
  plan::While loop;
  enter(nodes, op, scope, loop);
  test(op, scope, loop);
  loop.body = bodies_.body(op.region(1), scope);
  next_carries(loop.body, op, scope, loop);
  nodes.push_back({std::move(loop)});
  if (scope == Scope::Team) leave_loop(nodes, op);
}

// Of a loop per sample a chunk asks its own samples alone: those of others keep what they have.
void Loops::test(const Op& op, Scope scope, plan::While& loop) {
  const Value* holds = op.region(0).results[0];
  if (scope == Scope::Chunk) {
    if (const auto running = carry_of_samples(op)) {
      loop.test_scalar = p_.homes.new_scalar(holds->type.dtype());
      p_.homes.enter_new_segment();
      const Value* samples = op.region(0).arg(*running);
      loop.test.push_back({plan::AnySample{p_.homes.ref(samples), loop.test_scalar}});
      return;
    }
  }
  loop.test = bodies_.body(op.region(0), scope);
  loop.test_scalar = p_.homes.scalar_of(holds, loop.test);
}

void Loops::enter(Nodes& nodes, const Op& op, Scope scope, plan::While& loop) {
  const auto carried = std::size_t(op.attrs.get<std::int64_t>("carried"));
  Entry entry;
  for (std::size_t i = 0; i < op.operands.size(); ++i) {
    const Value* in = op.operands[i];
    const Operand operand{
        in, {op.region(0).arg(i), op.region(1).arg(i)}, i < carried ? op.result(i) : nullptr};
    if (i >= carried) {
      for (const Value* arg : operand.args) p_.views.stand_for(arg, in);
      continue;
    }
    for (const Value* arg : operand.args) p_.homes.make_available(arg);
    if (const Accumulator* sum = p_.sums.chains().of(op, i)) {
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
  add_copies(p_.homes, nodes, entry.moves, scope);
}

// A sum over the samples starts at zero: in its slots, or where it is large in its own buffer.
void Loops::enter_sum(Entry& entry, const Operand& carry, const Accumulator& sum) {
  const Value* result = carry.result;
  if (!is_added_in_place(*sum.terms[0].sum, p_.graph.batch)) {
    entry.clears.push_back(
        p_.sums.begin(sum, result, carry.in->name.empty() ? "sum" : carry.in->name));
    return;
  }
  entry.zeros.push_back({plan::DenseMap{
      {element_count(result->type.shape())},
      {{nullptr, {plan::Zero{result->type.dtype()}}, Ref{p_.homes.home(result), -1, {1}, 0}}}}});
  p_.homes.keep(p_.homes.home(result));
}

void Loops::enter_carry(Entry& entry, const Operand& carry, Nodes& nodes, plan::While& loop) {
  const auto& [in, args, result] = carry;
  if (in->type.kind() == Type::Kind::Tape) {
    for (const Value* v : {args[0], args[1], result}) p_.frames.set_tape(v, p_.frames.tape_of(in));
  } else if (in->type.is_scalar()) {
    const int init = p_.homes.scalar_of(in, nodes);
    const int id = p_.homes.new_scalar(in->type.dtype());
    for (const Value* v : {args[0], args[1], result}) p_.homes.settle_scalar(v, id);
    loop.carries.push_back({id, init, -1});
  } else {
    const int buffer = p_.homes.home(result);
    p_.homes.share(buffer);
    for (const Value* arg : args) p_.homes.settle(arg, buffer);
    entry.moves.emplace_back(in, buffer);
  }
}

// Carries that take each other's values (a swap), or their own in another order (a transpose), go
// through buffers of their own.
Moves Loops::without_conflicts(Nodes& nodes, Moves moves, Scope scope) {
  Moves before;
  for (auto& [from, to] : moves) {
    const std::optional<int> found = p_.homes.find(p_.views.resolve(from).base);
    if (!found) continue;
    const bool taken = std::any_of(moves.begin(), moves.end(),
                                   [&](const auto& other) { return other.second == *found; });
    if (!taken) continue;
    Buffer b = p_.homes.buffer(to);
    b.name += " next";
    before.emplace_back(from, p_.homes.new_buffer(std::move(b)));
    from = saved_.add_arg(from->type);
    p_.homes.settle(from, before.back().second);
  }
  add_copies(p_.homes, nodes, before, scope);
  return moves;
}

void Loops::next_carries(Nodes& nodes, const Op& op, Scope scope, plan::While& loop) {
  Moves moves;
  std::size_t scalar = 0;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    const Value* next = op.region(1).results[i];
    if (p_.sums.chains().of(op, i) || next->type.kind() == Type::Kind::Tape) continue;
    if (next->type.is_scalar()) {
      loop.carries[scalar++].next = p_.homes.scalar_of(next, nodes);
      continue;
    }
    const bool stays = p_.views.resolve(next).base == op.region(1).arg(i);
    if (stays && p_.views.is_whole(next)) continue;
    moves.emplace_back(next, *p_.homes.find(op.result(i)));
  }
  add_copies(p_.homes, nodes, without_conflicts(nodes, std::move(moves), scope), scope);
}

void Loops::leave_loop(Nodes& nodes, const Op& op) {
  p_.homes.enter_new_segment();
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    if (const Accumulator* sum = p_.sums.chains().of(op, i))
      p_.sums.fold(nodes, *sum, op.result(i));
  }
}

void Loops::add_branch(Nodes& nodes, const Op& op) {
  plan::If branch;
  branch.predicate = p_.homes.scalar_of(op.operands[0], nodes);
  for (std::size_t r = 0; r < op.results.size(); ++r) {
    const Value* v = op.result(r);
    if (p_.sums.chains().passes(op, r) || v->type.kind() == Type::Kind::Tape) continue;
    if (v->type.is_scalar()) {
      branch.merges.push_back({p_.homes.scalar_home(v), -1, -1});
    } else if (p_.views.varying(v)) {
      p_.homes.share(p_.homes.home(v));
    }
  }
  branch.then_body = branch_body(op, 0, branch.merges);
  branch.else_body = branch_body(op, 1, branch.merges);
  nodes.push_back({std::move(branch)});
}

Nodes Loops::branch_body(const Op& op, std::size_t k, std::vector<plan::Merge>& merges) {
  const Region& region = op.region(k);
  for (std::size_t i = 0; i < region.args.size(); ++i)
    p_.views.stand_for(region.arg(i), op.operands[i + 1]);
  Nodes nodes = bodies_.body(region, Scope::Team);
  Moves moves;
  std::size_t merge = 0;
  for (std::size_t r = 0; r < op.results.size(); ++r) {
    if (p_.sums.chains().passes(op, r)) continue;
    const Value* v = region.results[r];
    if (v->type.kind() == Type::Kind::Tape) {
      p_.frames.pass_tape(*op.result(r), *v);
    } else if (v->type.is_scalar()) {
      const int id = p_.homes.scalar_of(v, nodes);
      (k == 0 ? merges[merge].when_true : merges[merge].when_false) = id;
      ++merge;
    } else {
      moves.emplace_back(v, p_.homes.home(op.result(r)));
    }
  }
  add_copies(p_.homes, nodes, moves, Scope::Team);
  return nodes;
}

}  // namespace nodec::lowering
