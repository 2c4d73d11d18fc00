// The least of what the machine has, the control group is allowed, and the address space holds.
#include "runtime/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "runtime/control_group.h"

namespace nodec {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

std::int64_t physical_memory() {
  const std::int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  const std::int64_t bytes = pages > 0 && size > 0 ? pages * size : kNoLimit;
  return std::min(bytes, control_group_limits().memory);
}

}  // namespace

std::int64_t machine_memory() {
  static const std::int64_t physical = physical_memory();
  rlimit space;
  const bool limited =
      getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur < std::uint64_t(kNoLimit);
  return limited ? std::min(physical, std::int64_t(space.rlim_cur)) : physical;
}

}  // namespace nodec
