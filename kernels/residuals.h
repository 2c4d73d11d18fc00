// The residuals of a region that runs many times, told apart: those of each run, and those that its
// captures alone decide.
//
// A run that holds a loop or solve leaves a tape of its own, and a frame of another tape cannot
// hold a tape. Then what a run leaves is what it began with, and its reverse begins by running it
// again: the inner tape is made and used within one reverse run, and takes the memory of one. No
// tape enters or leaves either region, so each is one function however often it is called: the code
// of runs in runs grows with their depth, not by a factor a level.
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

// `d` is the derivative of `region`, whose arguments from `first_capture` on are the same on every
// run.
SortedResiduals sort_residuals(Derivative d, const Region& region, std::size_t first_capture);

}  // namespace nodec
