// Loops and branches.
//
// A loop whose samples never meet (the reverse sweep: its batch sums are accumulators; a loop with
// a condition for each sample) runs inside a phase, chunk by chunk, with no barrier. Any other loop
// is walked by the whole team in step.
// Carries that are scalars are loop state; carries with samples or elements have one buffer,
// written at the end of each turn.
//
// Knows nothing between two loops.
#pragma once

#include <vector>

#include "compiler/lower/parts.h"

namespace nodec::lowering {

class Loops {
 public:
  Loops(Parts& parts, Bodies& bodies) : p_(parts), bodies_(bodies) {}

  void add_loop(plan::Nodes& nodes, const Op& op, Scope scope);
  void leave_loop(plan::Nodes& nodes, const Op& op);  // its sums are finished
  void add_branch(plan::Nodes& nodes, const Op& op);

 private:
  // One operand of a loop: a carry, or what every turn reads as it is.
  struct Operand {
    const Value* in;
    const Value* args[2];  // in the test and in the body
    const Value* result;   // of a carry
  };
  // What happens before a loop's first turn.
  struct Entry {
    Moves moves;
    plan::Nodes clears, zeros;  // of slots, and of buffers
  };

  void test(const Op& op, Scope scope, plan::While& loop);
  void enter(plan::Nodes& nodes, const Op& op, Scope scope, plan::While& loop);
  void enter_sum(Entry& entry, const Operand& carry, const Accumulator& sum);
  void enter_carry(Entry& entry, const Operand& carry, plan::Nodes& nodes, plan::While& loop);
  void next_carries(plan::Nodes& nodes, const Op& op, Scope scope, plan::While& loop);
  Moves without_conflicts(plan::Nodes& nodes, Moves moves, Scope scope);
  plan::Nodes branch_body(const Op& op, std::size_t k, std::vector<plan::Merge>& merges);

  Parts& p_;
  Bodies& bodies_;
  Region saved_;  // stands for next values that are read early
};

}  // namespace nodec::lowering
