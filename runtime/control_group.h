// What the control groups that this process is in leave it of the machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

namespace nodec {

struct GroupLimits {
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  std::int64_t memory = kNone;      // bytes
  std::int64_t processors = kNone;  // of time, rounded up
};

// The least that its own group and those around it allow, as far out as they can be seen. `root` is
// where proc and sys are mounted.
GroupLimits control_group_limits(const std::filesystem::path& root = "/");

}  // namespace nodec
