// A team that is larger than the system allows. Linux only: elsewhere the limit is not the
// process's own to lower.
#if defined(__linux__)
#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "ir/error.h"
#include "runtime/team_pool.h"

using namespace nodec;

namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

std::size_t address_space() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages;
  return pages * std::size_t(sysconf(_SC_PAGESIZE));
}

// While it lives, new threads have stacks of 64 MB and the process little more space for them:
// larger stacks than any kept from threads before, so that none of those is used again.
class FewThreads {
 public:
  explicit FewThreads(std::size_t space = 300 * kMegabyte) {
    pthread_getattr_default_np(&attributes_);
    getrlimit(RLIMIT_AS, &space_);
    pthread_attr_t large = attributes_;
    pthread_attr_setstacksize(&large, 64 * kMegabyte);
    pthread_setattr_default_np(&large);
    const rlimit little{address_space() + space, space_.rlim_max};
    setrlimit(RLIMIT_AS, &little);
  }
  ~FewThreads() {
    setrlimit(RLIMIT_AS, &space_);
    pthread_setattr_default_np(&attributes_);
  }

 private:
  pthread_attr_t attributes_;
  rlimit space_;
};

}  // namespace

TEST_CASE("a team that the system has no threads for says how many there were") {
  std::string said;
  {
    const FewThreads limit;
    try {
      const TeamLease team(50, true);
    } catch (const Error& error) {
      said = error.what();
    }
  }
  const std::string begin = "error: wanted 50 threads, got ";
  REQUIRE(said.substr(0, begin.size()) == begin);
  const int got = std::stoi(said.substr(begin.size()));
  CHECK(got > 1);
  CHECK(got < 10);
  CHECK(said ==
        begin + std::to_string(got) +
            ": Resource temporarily unavailable\n"
            "  help: ask for fewer threads, or raise what limits them (ulimit -u, ulimit -v)");
  CHECK(TeamLease(50, true).members() == 50);
}

TEST_CASE("a team that need not be exact makes do with the threads there are") {
  if (processor_count() < 2) return;
  std::vector<std::unique_ptr<TeamLease>> others;  // hold every idle team
  for (int i = 0; i < 20; ++i) others.push_back(std::make_unique<TeamLease>(2, true));
  const FewThreads limit(8 * kMegabyte);
  Team alone;
  CHECK(!alone.grow(2));
  CHECK(alone.members() == 1);
  int ran = 0;
  const auto count = [](void* context, std::int64_t) { ++*static_cast<int*>(context); };
  alone.run(count, &ran, 1);
  CHECK(ran == 1);
}
#endif
