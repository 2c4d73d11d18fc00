// Which form a launch takes: one block, a cluster, a whole grid of blocks that can all meet, or
// blocks that never do. A pure function of the kernel, the chunks of the call and the device;
// README.md has the rule. No form changes a bit.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/device.h"
#include "runtime/executable.h"

namespace nodec {

// `resident`: how many blocks with so much shared memory are on the device at once; asked only
// where the answer matters. An Error when the kernel fits the device in no form.
LaunchForm choose_form(const KernelLaunch& kernel, std::int64_t chunks, const DeviceLimits& device,
                       const TeamChoice& wanted,
                       const std::function<std::int64_t(std::int64_t shared_bytes)>& resident);
// Of a kernel that is loaded there.
LaunchForm form_on(Device& device, Device::Kernel& kernel, const KernelLaunch& launch,
                   std::int64_t chunks, const TeamChoice& wanted);

}  // namespace nodec
