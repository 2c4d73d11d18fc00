// A program lowered, scheduled and written by hand: tests cut it smaller than a compile does, or
// spoil its schedule before code is written of it.
#pragma once

#include <memory>
#include <stdexcept>

#include "compiler/back_end.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/outputs_behind_tapes.h"
#include "compiler/pipeline.h"
#include "compiler/schedule/schedule.h"
#include "ir/float_mode.h"
#include "tests/compiler/machine_code.h"

namespace nodec::testing {

inline const BackEnd& back_end_for(const DeviceChoice& device) {
  for (const BackEnd* each : back_ends()) {
    if (each->serves(device)) return *each;
  }
  require_machine_code();
  throw std::logic_error("nobody serves " + device_words(device));
}

inline plan::Plan plan_of(const Graph& graph, std::int64_t longest = kLongestFunction) {
  return lower(*run_until(graph, graph_stages().back().name), longest);
}

struct Scheduled {
  explicit Scheduled(const Graph& graph, const DeviceChoice& on = {},
                     std::int64_t longest = kLongestFunction)
      : device(on), plan(plan_of(graph, longest)) {
    const plan::Machine machine = back_end_for(device).machine(device);
    if (machine.restarts) lowering::put_outputs_behind_tapes(plan);
    how = plan::schedule(plan, machine);
  }

  Artifact artifact() const {
    const DefaultFloatMode mode;
    Artifact artifact{back_end_for(device).code(plan, how, device).object, plan.signature};
    artifact.signature.scratch = how.scratch;
    artifact.signature.lanes = how.machine.lanes;
    artifact.signature.shared = how.shared;
    return artifact;
  }
  std::shared_ptr<const Executable> load() const {
    return back_end_for(device).load(artifact(), device);
  }

  DeviceChoice device;
  plan::Plan plan;
  plan::Schedule how;
};

}  // namespace nodec::testing
