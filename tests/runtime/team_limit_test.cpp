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
#include "runtime/team.h"

using namespace nodec;

namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

std::size_t address_space() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages;
  return pages * std::size_t(sysconf(_SC_PAGESIZE));
}

// While it lives, new threads have stacks of 64 MB and the process 300 MB more for them: larger
// stacks than any kept from threads before, so that none of those is used again.
class FewThreads {
 public:
  FewThreads() {
    pthread_getattr_default_np(&attributes_);
    getrlimit(RLIMIT_AS, &space_);
    pthread_attr_t large = attributes_;
    pthread_attr_setstacksize(&large, 64 * kMegabyte);
    pthread_setattr_default_np(&large);
    const rlimit little{address_space() + 300 * kMegabyte, space_.rlim_max};
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
      Team team(50);
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
  CHECK(Team(50).members() == 50);
}
#endif
