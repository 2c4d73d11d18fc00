// Type inference to a fixed point: what every value can be, without and with proof.
//
// Two conclusions per value. `seen` is the view of a compiler that stops where Julia's does: a
// variable captured and reassigned by a solve's or call's body lives in a box, what is loaded from
// a box is `any`, and `any` spreads to everything computed from it. `proven` goes on: a box's
// content is the join of the types of everything stored in it, a loop's carry the join of what
// enters and what comes back, and the type rules are applied again until nothing changes. All types
// only ever rise, and the lattice (ir/type.h) has finite height, so this ends. A box whose join is
// one concrete type is compiled as a typed cell; any other one is unstable.
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "kernels/boxes.h"

namespace nodec {

// One variable that lives in a box or a declared cell.
struct BoxedVariable {
  const Value* box = nullptr;     // box.new's or cell.new's result
  Type content;                   // the join of the first value and of all stores
  Type first;                     // what it starts with
  Type odd;                       // the first stored type that differs from `first`, else `first`
  std::vector<const Op*> stores;  // in program order, wherever they are nested
  std::vector<const Value*> loads;
  bool captured = false;       // some region's body holds it
  bool declared_cell = false;  // cell.*: never a finding unless unstable
  bool changes() const { return !identical(first, odd); }
};

// One carried value of a loop that does not keep its type, or one result of a branch whose two
// bodies (`enters`, `leaves`) do not agree.
struct UnstableCarry {
  const Op* loop = nullptr;
  std::size_t index = 0;
  Type enters, leaves;
};

struct Inference {
  std::unordered_map<const Value*, Type> seen, proven;
  std::vector<BoxedVariable> boxes;
  std::vector<UnstableCarry> carries;
  BoxOrigins origins;
};

Inference infer(const Graph& graph);

}  // namespace nodec
