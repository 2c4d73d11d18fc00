// What one differentiation records: the region's ops in the order they run, and which of them lie
// on a path from the inputs asked about to the results that get a cotangent.
//
// A value is *varied* when it depends on a `wrt` argument and *useful* when a seeded result depends
// on it, both through floats only: an integer, bool or key has no cotangent, so it carries no
// dependence. An op is active when some result is both. Only active ops are ever asked for a
// derivative; an inactive one may have none.
#pragma once

#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "compiler/ad/unbounded.h"
#include "ir/graph.h"
#include "ir/primitive.h"

namespace nodec {

struct Recording {
  struct Entry {
    Op* op;                                      // in `region`
    std::vector<std::unique_ptr<Region>> saved;  // by its `augment`, for the reverse sweep
  };
  // First the recorded ops; `backward` appends the reverse sweep behind them. Arguments: the
  // source's, then one cotangent per seed.
  std::unique_ptr<Region> region;
  std::vector<Entry> entries;  // the active ops, in recorded order
  std::size_t forward_ops = 0;
  std::size_t forward_results = 0;
  std::vector<Value*> wrt, seeds, seed_cotangents;
  // Where the derivative is to tell its error: in which dtype, and the largest of what was reported
  // so far (null: nothing). `backward` makes it the last result.
  std::optional<Dtype> error;
  Value* estimate = nullptr;
  // Of the source and of `region`, as a rule may ask about either.
  std::unordered_set<const Value*> varied, useful;
  std::unordered_set<const Value*> wild, steep;  // unbounded.h
};

// Whether values of this type have a cotangent.
bool has_cotangent(const Type& type);

// The ops of `source` on a path from these arguments to these results.
std::unordered_set<const Op*> active_ops(const Region& source, const std::vector<int>& wrt,
                                         const std::vector<int>& seeds);

// Fills an empty recording. `source` must outlive the recording; ops that hold regions are
// augmented.
void record(Differentiator& ad, const Region& source, const std::vector<int>& wrt,
            const std::vector<int>& seeds, const Unbounded& unbounded, Recording& recording);

}  // namespace nodec
