// What reaches what: marks spread from values to those that depend on them, or the other way, until
// nothing is added.
//
// A result depends on the op's operands. Where an op is gone through, it is member by member of its
// groups (ir/groups.h): what is yielded, and what a carry starts as, reach the regions' arguments
// on the next turn and the op's result. Reachability is then that of one graph, whatever is nested
// in what, and takes time in proportion to it.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"

namespace nodec {

using ValueSet = std::unordered_set<const Value*>;

class Spread {
 public:
  // Of a region and all inside of it; `through` names the ops that are gone through.
  Spread(const Region& region, bool (*through)(const Op&));
  Spread(const Op& op, bool (*through)(const Op&));  // of one op alone

  // Whether a mark goes on from a value to the next one, by `op`.
  using Passes = std::function<bool(const Value& at, const Op& op, const Value& next)>;

  // What depends on these values, themselves included; in the other direction, what they depend on.
  // There a carry is one variable: with its argument goes its result.
  ValueSet users(const std::vector<const Value*>& from, const Passes& passes) const;
  ValueSet makers(const std::vector<const Value*>& from, const Passes& passes) const;
  // What must be computed for these: what they depend on, and what the ops that make it go by.
  ValueSet needs(const std::vector<const Value*>& from) const;

 private:
  struct Edge {
    const Value* to;
    const Op* op;
  };
  using Edges = std::unordered_map<const Value*, std::vector<Edge>>;

  void index(const Region& region, bool (*through)(const Op&));
  void index(const Op& op, bool (*through)(const Op&));
  void index_members(const Op& op);
  void connect(const Value* from, const Value* to, const Op& op);
  template <class F>
  void each_maker(const Value& of, const F& f) const;

  std::unordered_set<const Op*> through_;  // those that are gone through
  Edges users_, makers_;                   // makers of theirs alone: others' are operands
};

// What an op goes by, whichever of its results is asked for: its settings, decisions and clocks,
// and members that live as long as the op does. Of an op that has no groups it is everything.
std::vector<const Value*> goes_by(const Op& op);

}  // namespace nodec
