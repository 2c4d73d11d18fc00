// Limits of control groups, read from file trees as containers and machines have them.
#include "runtime/control_group.h"

#include <doctest/doctest.h>

#include "runtime/barrier.h"
#include "runtime/memory.h"
#include "tests/temporary_folder.h"

using namespace nodec;

namespace {

constexpr std::int64_t kNone = GroupLimits::kNone;

struct Tree : TemporaryFolder {
  explicit Tree(const std::string& groups) { put("proc/self/cgroup", groups); }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path() / name).parent_path());
    file(name, text);
  }
  std::int64_t processors() const { return control_group_limits(path()).processors; }
  std::int64_t memory() const { return control_group_limits(path()).memory; }
};

}  // namespace

TEST_CASE("version 2: a share of time is rounded up to whole processors") {
  const Tree tree("0::/\n");
  CHECK(tree.processors() == kNone);
  CHECK(tree.memory() == kNone);
  const auto with = [&](const std::string& text) {
    tree.put("sys/fs/cgroup/cpu.max", text);
    return tree.processors();
  };
  CHECK(with("max 100000\n") == kNone);
  CHECK(with("100000 100000\n") == 1);
  CHECK(with("150000 100000\n") == 2);
  CHECK(with("1000 100000\n") == 1);
  CHECK(with("400000 100000\n") == 4);
  CHECK(with("9223372036854775807 1000\n") == 9223372036854776);
  for (const char* nonsense : {"", "\n", "100000\n", "100000 0\n", "0 100000\n", "-1 100000\n",
                               "x y", "99999999999999999999 1000\n"}) {
    CAPTURE(nonsense);
    CHECK(with(nonsense) == kNone);
  }
}

TEST_CASE("version 2: the group's own limits and those of the groups around it count") {
  const Tree tree("0::/user.slice/job.scope\n");
  const std::string top = "sys/fs/cgroup/";
  tree.put(top + "user.slice/job.scope/cpu.max", "300000 100000\n");
  CHECK(tree.processors() == 3);
  tree.put(top + "user.slice/cpu.max", "120000 100000\n");
  CHECK(tree.processors() == 2);
  tree.put(top + "cpu.max", "50000 100000\n");
  CHECK(tree.processors() == 1);
  tree.put(top + "other.slice/memory.max", "4096\n");
  tree.put(top + "user.slice/memory.max", "max\n");
  CHECK(tree.memory() == kNone);
  tree.put(top + "user.slice/job.scope/memory.max", "1073741824\n");
  CHECK(tree.memory() == 1 << 30);
  tree.put(top + "user.slice/memory.max", "536870912\n");
  CHECK(tree.memory() == 1 << 29);
}

TEST_CASE("version 1: each controller's own hierarchy is walked") {
  const Tree tree("4:memory:/docker/abc\n3:cpuset:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n");
  const std::string top = "sys/fs/cgroup/";
  CHECK(tree.processors() == kNone);
  tree.put(top + "cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n");
  tree.put(top + "cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  CHECK(tree.processors() == kNone);
  tree.put(top + "cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "250000\n");
  CHECK(tree.processors() == 3);
  tree.put(top + "cpu,cpuacct/docker/cpu.cfs_quota_us", "50000\n");
  CHECK(tree.processors() == 3);  // half of what, is not said
  tree.put(top + "cpu,cpuacct/docker/cpu.cfs_period_us", "50000\n");
  CHECK(tree.processors() == 1);
  tree.put(top + "memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(tree.memory() == 9223372036854771712);
  tree.put(top + "memory/docker/memory.limit_in_bytes", "65536\n");
  CHECK(tree.memory() == 65536);
}

TEST_CASE("a path of the machine's, seen from a container: its own group is the top") {
  for (const char* group : {"/docker/abc", "/../../outside", "/"}) {
    CAPTURE(group);
    const Tree tree("2:cpu:" + std::string(group) + "\n1:memory:" + group + "\n");
    tree.put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    tree.put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    tree.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1048576\n");
    CHECK(tree.processors() == 1);
    CHECK(tree.memory() == 1 << 20);
  }
}

TEST_CASE("without control groups, and with nonsense for them, there is no limit") {
  const TemporaryFolder nothing;
  CHECK(control_group_limits(nothing.path()).processors == kNone);
  for (const char* groups : {"", "\n\n", "x", "1:cpu", "::", ":::::", "0::"}) {
    CAPTURE(groups);
    const Tree tree(groups);
    CHECK(tree.processors() == kNone);
    CHECK(tree.memory() == kNone);
  }
}

TEST_CASE("here, the process has at least one processor and some memory") {
  CHECK(processor_count() >= 1);
  CHECK(processor_count() <= control_group_limits().processors);
  CHECK(machine_memory() <= control_group_limits().memory);
}
