// The derivative of a `while` in reverse under a memory cap, over checkpoints.
#pragma once

#include "kernels/loop_reverse.h"

namespace nodec {

// Whether the loop's tape has a cap (attribute tape_bytes), and whether it is such a loop that
// leaves checkpoints.
bool is_capped(const Op& loop);
bool has_checkpoints(const Op& loop);

// The loop again over `operands`, leaving checkpoints. Carries: the loop's own, turns, checkpoints,
// turns from one to the next, and their tape.
Op& with_checkpoints(Builder& b, const Op& loop, std::span<Value* const> operands);
inline constexpr std::size_t kCheckpointCarries = 4;

// The sweep from y's last turn to the first, where y is such a loop.
ReverseTurn sweep_back_capped(Builder& b, const Op& y, const TurnRegions& turn,
                              const ReverseTurn& start, const ReverseEnv& env);

}  // namespace nodec
