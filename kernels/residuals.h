// The residuals of a region that runs many times, told apart: those of each run, and those that its
// captures alone decide.
#pragma once

#include "ir/primitive.h"
#include "kernels/rules.h"

namespace nodec {

struct SortedResiduals {
  std::unique_ptr<Region> forward;     // the region's results, then `varying` residuals
  std::unique_ptr<Region> invariants;  // (captures...) -> the residuals that depend on them alone
  std::unique_ptr<Region> reverse;     // (varying..., invariants..., seeds...) -> cotangents
  std::size_t varying = 0;
};

// `first_capture`: the region's arguments from this one on are the same on every run.
SortedResiduals sort_residuals(Derivative d, std::size_t first_capture);

// Whether a value of these is a tape, which no frame of another tape can hold.
bool any_tape(const Values& values);

}  // namespace nodec
