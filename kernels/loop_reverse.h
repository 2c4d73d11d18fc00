// The derivative of a `while` in reverse, over a tape of its turns; and what of it its form under a
// memory cap (loop_checkpoints.h) shares.
#pragma once

#include "ir/primitive.h"
#include "kernels/rules.h"
#include "kernels/solve/loop.h"

namespace nodec {

Augmented augment_while(Differentiator& ad, Builder& b, const Op& op,
                        std::span<Value* const> operands);
std::vector<Value*> reverse_while(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                  std::span<Value* const> dy);

std::size_t carried_by(const Op& loop);

// What a turn leaves for its reverse, and the reverse of one: `frame` yields the carries and behind
// them what a frame holds.
struct TurnRegions {
  const Region &frame, &reverse;
  std::size_t carried = 0;

  Types frame_types() const;
};

// The reverse sweep as it goes.
struct ReverseTurn {
  Value* left = nullptr;  // turns still to be reversed
  Values cotangents, sums;
  Value* error = nullptr;

  template <class F>
  void each(F&& f) {
    f(left, "left"), each_of(f, cotangents, "dx"), each_of(f, sums, "dp"), f(error, "error");
  }
};

// What every turn of it looks at.
struct ReverseEnv {
  Value* tape = nullptr;
  Values invariants, captures;

  template <class F>
  void each(F&& f) {
    f(tape, "tape"), each_of(f, invariants, "fixed"), each_of(f, captures, "capture");
  }
};

// The loop from the last of `start.left` turns to the first.
ReverseTurn sweep_back(Builder& b, const TurnRegions& turn, const ReverseTurn& start,
                       const ReverseEnv& env);

}  // namespace nodec
