// Limits of control groups are read where a container sees its own; further out they are no lower.
#include "runtime/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "runtime/plain_file.h"

namespace nodec {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// The number in such a file; kNoLimit for "max", or where there is no such file.
std::int64_t limit_in(const char* path) {
  PlainFile file(path);
  std::array<char, 32> text;
  const std::size_t size = file.read(text.data(), text.size());
  std::int64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + size, bytes);
  return error == std::errc() && bytes > 0 ? bytes : kNoLimit;
}

std::int64_t physical_memory() {
  const std::int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  const std::int64_t bytes = pages > 0 && size > 0 ? pages * size : kNoLimit;
  return std::min({bytes, limit_in("/sys/fs/cgroup/memory.max"),
                   limit_in("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
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
