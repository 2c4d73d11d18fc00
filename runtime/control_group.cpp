// /proc/self/cgroup has a line `number:controllers:path` for each hierarchy: version 1 mounts one
// for each set of controllers, below /sys/fs/cgroup/controllers; version 2 has one for all, without
// controllers in its line. A limit holds for everything below, so the walk goes from the process's
// group to the hierarchy's top. A container may show a path of the machine's that is not below what
// it has mounted; then the top is its own group, and the rest of the walk finds no files.
#include "runtime/control_group.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plain_file.h"

namespace nodec {
namespace {

using std::filesystem::path;

// A file of the system's, which has no size before it is read.
std::string text_of(const path& name) {
  PlainFile file(name);
  std::string text(1 << 14, '\0');
  text.resize(file.read(text.data(), text.size()));
  return text;
}

std::vector<std::string_view> parts(std::string_view text, char between) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(between), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

// Nothing for "max", for version 1's -1, and where there is no number.
std::optional<std::int64_t> positive(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && number > 0 ? std::optional(number) : std::nullopt;
}

// Microseconds of time in each period: 150000 in 100000 are one and a half processors.
void allow_processors(GroupLimits& limits, std::string_view quota, std::string_view period) {
  const auto time = positive(quota), each = positive(period);
  if (!time || !each) return;
  limits.processors = std::min(limits.processors, *time / *each + (*time % *each != 0 ? 1 : 0));
}

void read_group(GroupLimits& limits, const path& group) {
  for (const char* name : {"memory.max", "memory.limit_in_bytes"}) {
    if (const auto bytes = positive(text_of(group / name))) {
      limits.memory = std::min(limits.memory, *bytes);
    }
  }
  const std::string both = text_of(group / "cpu.max");
  if (const auto words = parts(both, ' '); words.size() == 2) {
    allow_processors(limits, words[0], words[1]);
  }
  allow_processors(limits, text_of(group / "cpu.cfs_quota_us"),
                   text_of(group / "cpu.cfs_period_us"));
}

}  // namespace

GroupLimits control_group_limits(const path& root) {
  GroupLimits limits;
  const std::string groups = text_of(root / "proc/self/cgroup");
  for (const std::string_view line : parts(groups, '\n')) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second >= line.size()) continue;  // not there either
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("cpu") == controllers.npos &&
        controllers.find("memory") == controllers.npos) {
      continue;
    }
    const path top = root / "sys/fs/cgroup" / controllers;
    path group = path(line.substr(second + 1)).relative_path();
    for (; !group.empty(); group = group.parent_path()) read_group(limits, top / group);
    read_group(limits, top);
  }
  return limits;
}

}  // namespace nodec
