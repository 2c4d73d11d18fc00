// What the stages of a step leave for the discrete adjoint's reverse sweep.
#pragma once

#include "kernels/solve/request.h"

namespace nodec {

// The derivative's residuals, told apart: those of each stage, and those known before the solve.
struct Residuals {
  std::unique_ptr<Region> forward;     // the dynamics' results, then what each stage stores
  std::unique_ptr<Region> invariants;  // (captures...) -> the residuals that depend on them alone
  std::unique_ptr<Region> reverse;     // (stored..., invariants..., seeds...) -> cotangents
  std::size_t stored = 0;              // values a stage stores
  std::size_t used = 0;                // of those, what `reverse` takes; slopes follow
};

// Of the dynamics' derivative, as `request` asks for it.
Residuals stage_residuals(Derivative d, const SolveView& solve, const Request& request);

// The states whose lambda the gradient needs: those whose cotangents are `wanted`, and those whose
// seeds reach a result of the reverse dynamics that is needed. `reverse` takes `seeds` seeds last.
std::vector<std::int64_t> needed_states(const Region& reverse, std::size_t seeds, bool time,
                                        const std::vector<bool>& wanted);

}  // namespace nodec
