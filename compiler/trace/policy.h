// State policies, applied to a solve while it is built: the cells its dynamics captured that have a
// policy become plain values again, so that nothing after the trace needs to know of policies.
//
//   frozen             an operand; inside, a cell of its own starts from it in every run
//   per solve          the same, and a call of the dynamics behind the solve stores the new content
//   per accepted step  a cell of the solve op, listed in its attribute per_step
//
// The solve's attribute `state` says in words what was decided.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/trace/frame.h"

namespace nodec::tracing {

class PolicyCells {
 public:
  // Takes the cells with a policy out of a closed frame's captures. `captures`: the parent's values
  // for the region's arguments behind its own, as end_closure gave them.
  PolicyCells(Frame& frame, std::vector<Value*>& captures, Builder& parent);

  // The contents of per-step cells: operands behind the states.
  const std::vector<Value*>& cells() const { return cells_; }
  void set_attributes(Attrs& attrs) const;
  // After the solve op exists: stores its cells' last contents, and per solve the updates.
  void store_results(const Op& solve, std::size_t states, Builder& parent) const;

 private:
  struct Cell {
    Value* outer = nullptr;  // the cell, in the parent
    Value* local = nullptr;  // its stand-in inside the region
    StatePolicy policy = StatePolicy::None;
    bool stored = false;
    std::string name;
    Type type;                         // of the content
    std::size_t first = 0, count = 0;  // per step: its leaves among the solve's cells
  };

  void take(Value* outer, Value* arg, Frame& frame, Builder& parent);
  void update_per_solve(const Op& solve, std::size_t states, Builder& parent) const;

  std::vector<Cell> taken_;
  std::vector<Value*> cells_;     // operands
  std::vector<Value*> captures_;  // operands of the others' contents
  std::vector<std::unique_ptr<Value>> gone_;
};

}  // namespace nodec::tracing
