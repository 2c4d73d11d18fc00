// Programs on a GPU behind Executable.
#pragma once

#include <memory>

#include "runtime/device.h"
#include "runtime/executable.h"

namespace nodec {

// The artifact's object is what pack() (kernel.h) made.
std::shared_ptr<const Executable> load_on(std::shared_ptr<Device> device, const Artifact& artifact);

}  // namespace nodec
