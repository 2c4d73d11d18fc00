// Finds the carries of loops that only collect batch sums, so that they stay in slots until the
// end.
//
// The reverse sweep of a solve adds, step after step and stage after stage, a sum over the batch to
// each parameter's cotangent:   acc = add(add(acc, sum_B(x6)), sum_B(x5)) ...   Nothing else reads
// `acc` while the loop runs. Then no sum needs to be finished before the next: every slot goes on
// adding its own samples (semantics, section 2b), and chunks and slots are folded once, after the
// loop.
//
// A carry is such an accumulator when it starts as zero and its way through the body is a chain of
//   add(acc, s)   add(s, acc)   fma(broadcast(c), s, acc)   [scaled by a scalar]
// with s a batch sum used only there, or a sum of such sums (a derivative's product rule), which
// are terms one by one; the chain may pass through one branch of a `cond`.
//
// Such a chain from zero that no loop carries (the error of a step's integrals) is finished once,
// behind its last term, and not once a term.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace nodec::lowering {

struct AccumulatorTerm {
  const Op* sum = nullptr;         // the batch reduction
  const Value* scale = nullptr;    // a scalar that multiplies it, or null
  const Region* region = nullptr;  // where it stands
};

struct Accumulator {
  const Op* loop = nullptr;  // null: finished where it stands, as
  const Value* result = nullptr;
  std::size_t carry = 0;
  std::vector<AccumulatorTerm> terms;  // in the order of the chain
};

// Whether it is made by a sum over samples that a chain can be of.
bool is_batch_sum(const Value* v, std::string_view batch);
// The scalar that `v` repeats, or null.
const Value* scalar_behind(const Value* v);

class Accumulators {
 public:
  Accumulators() = default;
  explicit Accumulators(const Graph& graph);

  const Accumulator* of(const Op& loop, std::size_t carry) const;
  const std::vector<const Accumulator*>& in(const Region& region) const;  // with terms in it
  bool belongs(const Op& op) const { return ops_.contains(&op); }         // part of a chain
  bool finished_in(const Region& region) const;  // some chain is, so that the team meets there
  // A cond's result that is an accumulator on its way: it has no value of its own.
  bool passes(const Op& cond, std::size_t result) const {
    return passes_.contains({&cond, result});
  }

 private:
  class Search;

  std::vector<std::unique_ptr<Accumulator>> all_;
  std::map<const Region*, std::vector<const Accumulator*>> by_region_;
  std::set<const Op*> ops_;
  std::set<std::pair<const Op*, std::size_t>> passes_;
};

}  // namespace nodec::lowering
