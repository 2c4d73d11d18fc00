// What state inside a solve means. A solver runs the dynamics as often as it likes: for stages, for
// attempts it then rejects, for its first step, again for an adjoint. State that such a run changes
// needs a meaning that does not depend on that.
#pragma once

#include <cstdint>
#include <string_view>

namespace nodec {

enum class StatePolicy : std::uint8_t {
  None,             // what the run before left, an attempt that was rejected and the first step's
                    // choice nothing: reported as count-dependent where it matters
  Frozen,           // the dynamics see the state as it entered; what they store is forgotten
  PerSolve,         // ... and once, after the solve, they update it at the final t and u
  PerAcceptedStep,  // a step's runs see it as the step began; its last run updates it, if accepted
};

constexpr std::string_view name(StatePolicy policy) {
  switch (policy) {
    case StatePolicy::Frozen:
      return "frozen";
    case StatePolicy::PerSolve:
      return "per_solve";
    case StatePolicy::PerAcceptedStep:
      return "per_accepted_step";
    case StatePolicy::None:
      break;
  }
  return "none";
}

}  // namespace nodec
