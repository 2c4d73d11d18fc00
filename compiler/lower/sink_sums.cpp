// One walk, a region's conds in order; what each move changes is noted in the indices of its users.
#include "compiler/lower/sink_sums.h"

#include <algorithm>
#include <array>

#include "compiler/lower/accumulators.h"
#include "compiler/lower/batch.h"
#include "compiler/lower/users.h"
#include "ir/members.h"

namespace nodec::lowering {
namespace {

// Gives `op`'s two branches a new argument for `outside`; returns the arguments.
std::array<Value*, 2> capture(Op& op, Value* outside) {
  op.operands.push_back(outside);
  return {op.region(0).add_arg(outside->type, outside->name),
          op.region(1).add_arg(outside->type, outside->name)};
}

void drop_operand(Op& op, std::size_t k) {
  op.operands.erase(op.operands.begin() + std::ptrdiff_t(k) + 1);
  for (auto& region : op.regions) take_argument(*region, k);
}

class Sinking {
 public:
  Sinking(Region& region, std::string_view batch)
      : region_(region), batch_(batch), users_(region) {}

  void run() {
    for (std::size_t i = 0; i < region_.ops.size(); ++i) {
      Op& op = *region_.ops[i];
      for (auto& inner : op.regions) Sinking(*inner, batch_).run();
      if (op.primitive != &cond_p) continue;
      Branches branches{Users(op.region(0)), Users(op.region(1))};
      for (std::size_t k = 0; k + 1 < op.operands.size();) {
        if (sink(op, branches, k)) {
          --i;
        } else {
          ++k;
        }
      }
    }
  }

 private:
  using Branches = std::array<Users, 2>;

  Region& region_;
  std::string_view batch_;
  Users users_;

  // Whether `branch` is the one use of `sum`, terms of chains aside.
  bool only_terms_beside(const Value* sum, const Op& branch) {
    int here = 0;
    for (const Op* user : users_.of(sum)) {
      if (user == &branch) {
        ++here;
      } else if (user == nullptr || user->primitive != &fma_p || user->operands[1] != sum ||
                 scalar_behind(user->operands[0]) == nullptr) {
        return false;
      }
    }
    return here == 1;
  }

  // Moves the batch sum behind operand k of a cond into the one branch that uses it.
  bool sink(Op& op, Branches& branches, std::size_t k) {
    const Value* sum = op.operands[k + 1];
    if (!is_batch_sum(sum, batch_) || !only_terms_beside(sum, op)) return false;
    const bool in_then = !branches[0].of(op.region(0).arg(k)).empty();
    const bool in_else = !branches[1].of(op.region(1).arg(k)).empty();
    if (in_then == in_else) return false;
    make_in(op, branches, in_then ? 0 : 1, *sum->op, k);
    for (const std::size_t i : {0, 1}) branches[i].forget(op.region(i).arg(k));
    drop_operand(op, k);
    users_.drop(sum, op);
    if (users_.of(sum).empty()) drop(*sum->op);
    return true;
  }

  // A copy of the sum as the first op of a branch, for its k-th argument.
  void make_in(Op& op, Branches& branches, std::size_t which, const Op& sum, std::size_t k) {
    Region& branch = op.region(which);
    ValueMap map;
    for (Value* x : sum.operands) {
      map[x] = capture(op, x)[which];
      users_.add(x, op);
    }
    const Op& made = copy_op(sum, branch, map);
    for (const Value* x : made.operands) branches[which].add(x, made);
    std::rotate(branch.ops.begin(), branch.ops.end() - 1, branch.ops.end());
    replace_uses(branch, branch.arg(k), made.result());
  }

  void drop(const Op& gone) {
    for (const Value* x : gone.operands) users_.drop(x, gone);
    for (const auto& result : gone.results) users_.forget(result.get());
    std::erase_if(region_.ops, [&](const auto& op) { return op.get() == &gone; });
  }
};

}  // namespace

void sink_into_branches(Graph& graph) { Sinking(graph.body, graph.batch).run(); }

}  // namespace nodec::lowering
