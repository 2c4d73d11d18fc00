// What the pipeline asks of a target, from the end of `lower` on. Which ones a build has is a list
// that CMake writes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ir/schedule.h"
#include "runtime/cache_record.h"
#include "runtime/executable.h"

namespace nodec {

struct BackEnd {
  std::string_view name;
  // As the environment narrows it; an Error names what the host lacks.
  plan::Machine (*machine)();
  // What its code depends on beside the program.
  KeyFields (*key_fields)(const Graph& graph);
  // After `codegen` or `assembly`, as the target's own tools would read it.
  std::string (*text)(const plan::Plan& plan, const plan::Schedule& how, std::string_view stage);
  struct Code {
    std::string object;
    std::int64_t instructions = 0;
  };
  Code (*code)(const plan::Plan& plan, const plan::Schedule& how);
  std::shared_ptr<const Executable> (*load)(const Artifact& artifact);
};

// Those of this build, the one that is used first.
std::span<const BackEnd* const> back_ends();

}  // namespace nodec
