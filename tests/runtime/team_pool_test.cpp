// Teams of the process: shared by hosts, bounded by the processors, and started anew after a fork.
#include "runtime/team_pool.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "runtime/executable.h"
#include "tests/runtime/doubling.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

void count(void* context, std::int64_t) { ++*static_cast<std::atomic<int>*>(context); }

int ran_by(TeamLease& team) {
  std::atomic<int> ran{0};
  team.run(count, &ran);
  return ran;
}

}  // namespace

TEST_CASE("teams are borrowed from a pool, by several hosts at once") {
  std::atomic<int> ran{0};
  const auto host = [&] {
    for (int i = 0; i < 50; ++i) {
      TeamLease team(3, true);
      team.run(count, &ran);
    }
  };
  std::thread a(host), b(host);
  a.join();
  b.join();
  CHECK(ran == 300);
}

TEST_CASE("calls together have no more threads than there are processors, but for their own") {
  const int most = processor_count();
  TeamLease first(1000, false);
  CHECK(first.members() == most);
  CHECK(ran_by(first) == most);
  TeamLease second(2, false), exact(3, true);
  CHECK(second.members() == 1);
  CHECK(ran_by(second) == 1);
  CHECK(exact.members() == 3);
  CHECK(ran_by(exact) == 3);
  { TeamLease third(2, false); }
  Cores none(5, false);
  CHECK(none.count() == 1);
}

TEST_CASE("processors are free again after a call, and what it gave back earlier") {
  const int most = processor_count();
  for (int i = 0; i < 3; ++i) {
    Cores all(most, false);
    CHECK(all.count() == most);
    all.keep(1);
    CHECK(Cores(most, false).count() == std::max(1, most - 1));
  }
  CHECK(Cores(most, false).count() == most);
}

#ifndef NODEC_SANITIZED  // a sanitizer does not follow a fork
namespace {

// Whether a call on exactly so many threads gives the right result.
bool doubles(const Executable& program, int threads) {
  const Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), k = Tensor::scalar(2.0F);
  const TensorView inputs[] = {x, k};
  CallOptions options;
  options.threads = threads;
  options.exact_team = true;
  const auto outputs = program.run(inputs, options);
  const auto y = outputs[0].values<float>();
  return std::vector(y.begin(), y.end()) == std::vector<float>{12, 10, 8, 6, 4, 2};
}

// Runs `work` in a child, 10 s at most; true when it ended well.
template <typename Work>
bool in_child(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    _exit(work() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0;
}

}  // namespace

TEST_CASE("the child of a fork runs on a team of its own, and so does its child") {
  const Executable program(doubling_entry, doubling(), nullptr);
  REQUIRE(doubles(program, 3));
  for (int i = 0; i < 20; ++i) {
    CHECK(in_child([&] {
      return doubles(program, 3) && doubles(program, 2) &&
             in_child([&] { return doubles(program, 3); });
    }));
  }
  CHECK(doubles(program, 3));
}

TEST_CASE("a fork beside calls of other threads finds every lock free") {
  const Executable program(doubling_entry, doubling(), nullptr);
  std::atomic<bool> stop{false}, right{true};
  std::vector<std::thread> hosts;
  for (int i = 0; i < 3; ++i) {
    hosts.emplace_back([&] {
      while (!stop) {
        if (!doubles(program, 2)) right = false;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    CHECK(in_child([&] { return doubles(program, 2) && Cores(2, false).count() == 2; }));
  }
  stop = true;
  for (std::thread& host : hosts) host.join();
  CHECK(right);
}
#endif
