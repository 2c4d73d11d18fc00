// Functions that the whole team runs: a region with loops in it, of which `apply` is a call.
//
// Scalars go in and come back in registers. Everything else lies in buffers of the function's own,
// one set however often it is called, for no function calls itself: the caller copies arguments
// there, and results away, for the next call writes over them. A tape is the program's, and is
// given by its number.
//
// Knows the functions that there are: two that say the same are one.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "compiler/lower/parts.h"

namespace nodec::lowering {

class TeamFunctions {
 public:
  TeamFunctions(Parts& parts, Bodies& bodies) : p_(parts), bodies_(bodies) {}

  void add_apply(plan::Nodes& nodes, const Op& op);

 private:
  struct Function {
    const Region* region = nullptr;
    int function = -1;                     // of the plan
    std::vector<int> parameters, results;  // buffers, of what is no scalar
    std::vector<Frames::Tape> tapes;       // that it is given
    std::vector<std::size_t> made_tapes;   // which of them it gives back
  };

  const Function& function_of(const Op& apply);
  const Function& lowered(const Op& holder, const Op& apply);
  void declare_parameters(const Op& apply, const Region& region, Function& f, plan::Function& made);
  void declare_results(const Region& region, Function& f);
  void finish_results(const Region& region, Function& f, plan::Function& made, plan::Nodes& body);
  void take_results(plan::Nodes& nodes, const Op& op, const Function& f);

  Parts& p_;
  Bodies& bodies_;
  std::deque<Function> functions_;
  std::map<const Region*, const Function*> known_;
};

}  // namespace nodec::lowering
