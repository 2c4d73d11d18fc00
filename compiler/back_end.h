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
#include "runtime/device_choice.h"
#include "runtime/executable.h"

namespace nodec {

struct BackEnd {
  std::string_view name;  // "the processor"
  bool (*serves)(const DeviceChoice& device);
  // As the environment narrows it; an Error names what the host lacks.
  plan::Machine (*machine)(const DeviceChoice& device);
  // What its code depends on beside the program.
  KeyFields (*key_fields)(const Graph& graph, const DeviceChoice& device);
  // After `codegen` or `assembly`, as the target's own tools would read it.
  std::string (*text)(const plan::Plan& plan, const plan::Schedule& how, std::string_view stage,
                      const DeviceChoice& device);
  struct Code {
    std::string object;
    std::int64_t instructions = 0;  // of LLVM IR
  };
  Code (*code)(const plan::Plan& plan, const plan::Schedule& how, const DeviceChoice& device);
  std::shared_ptr<const Executable> (*load)(const Artifact& artifact, const DeviceChoice& device);
};

std::span<const BackEnd* const> back_ends();  // of this build

}  // namespace nodec
