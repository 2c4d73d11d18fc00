// What there is to do in a region: its ops, and the batch sums whose terms stand in it, each of one
// kind of work.
//
// Knows what varies and which sums are accumulators, and makes no plan.
#pragma once

#include <vector>

#include "compiler/lower/accumulators.h"
#include "compiler/lower/views.h"

namespace nodec::lowering {

// One unit of scheduling: an op, or the terms of an accumulator that stand in one region.
struct Task {
  enum class Kind : std::uint8_t {
    Scalar,
    Tile,
    Dense,
    TapeRead,
    TapeWrite,
    Loop,
    Branch,
    Apply,
    Report
  };
  Kind kind = Kind::Scalar;
  const Op* op = nullptr;
  const Accumulator* sum = nullptr;
  const Region* region = nullptr;   // where the terms of `sum` stand
  const Value* input = nullptr;     // a varying input to bring into blocks
  std::vector<const Value*> needs;  // base values
  bool reports = false;  // it or an op inside it has an effect: done in the program's order
  bool done = false;

  std::vector<const Value*> makes() const;
  std::vector<AccumulatorTerm> terms() const;  // of `sum`, in `region`
};

class Tasks {
 public:
  Tasks(const Views& views, const Accumulators& sums) : views_(views), sums_(sums) {}

  std::vector<Task> of(const Region& region) const;
  // Whether a chunk can do all of a loop alone: its samples never meet, in its body or in its test
  // (but to end when all have ended), its scalars are used by nothing outside, and its sums are
  // accumulators in slots.
  bool fits_in_chunk(const Op& loop) const;

 private:
  Task::Kind kind_of(const Op& op) const;
  Task task_of(const Accumulator& sum, const Region& region) const;
  bool scalar_only(const Region& region) const;
  bool chunk_does(const Region& region) const;
  bool is_of_samples(const Op& loop) const;

  const Views& views_;
  const Accumulators& sums_;
};

}  // namespace nodec::lowering
