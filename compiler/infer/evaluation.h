// Abstract evaluation of dynamics: each value is the set of entry contents it depends on, with
// records kept open, and remembers when it is exactly some part of an entry content (putting back
// what was there changes nothing), or is that in some runs, and what decides in which.
#pragma once

#include <set>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace nodec::history {

using Sources = std::set<int>;  // leaves of entry contents that a value depends on
constexpr int kRun = -1;  // as a source: what differs from run to run, the time and the states

struct Abstract {
  Sources from = {};
  int leaf = -1;                      // exactly that leaf of an entry content
  int kept = -1;                      // or still that leaf, where nothing was stored
  Sources decided = {};               // what `kept` hangs on
  std::vector<Abstract> fields = {};  // of a record or tuple

  bool operator==(const Abstract&) const = default;
};

void add(Sources& to, const Sources& from);
Sources sources(const Abstract& value);
// An entry content, its leaves numbered from `next` on.
Abstract entry(const Type& type, int& next);

// The variables of one solve and their contents at the point reached.
struct Contents {
  std::vector<Abstract> now;
  std::vector<bool> untouched;  // may still be the entry content
  std::vector<bool> stored, observed;

  void add(Abstract content, bool from_outside) {
    now.push_back(std::move(content));
    untouched.push_back(from_outside);
    stored.push_back(false);
    observed.push_back(false);
  }
};

class Evaluation {
 public:
  explicit Evaluation(Contents& contents) : contents_(contents) {}

  void bind(const Value* box, int variable) { variables_[box] = variable; }
  void set(const Value* value, Abstract abstract) { values_[value] = std::move(abstract); }
  const Abstract& of(const Value* value) { return values_[value]; }

  void run(const Region& region);

 private:
  int variable(const Value* box) const;
  void run(const Op& op);
  void load(const Op& op);
  void store(const Op& op);
  void plain(const Op& op);
  void enter(const Op& op, std::size_t r);
  Abstract unrun(const Op& op, std::size_t result);
  void leave(const Op& op, std::size_t r, bool merge);
  void with_regions(const Op& op);
  void merge(const Contents& other);
  // What changed on the way from `before` to `after` hangs on `by`.
  void decide(const Contents& before, const Contents& after, const Sources& by);
  void may_not_turn(const Op& op, const Contents& before);
  void branches(const Op& op);

  Contents& contents_;
  std::unordered_map<const Value*, int> variables_;
  std::unordered_map<const Value*, Abstract> values_;
};

}  // namespace nodec::history
