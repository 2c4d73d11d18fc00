// Programs linked into the process and dropped again: by several threads, beside forks, and those
// that cannot be linked.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/compiler/codegen/llvm/harness.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

// A program that puts out one number.
Artifact program_of(double value) {
  const Tensor out(Dtype::F64, {1});
  return compile(cpu_target("native", 8), signature_of({}, {&out}), [&](Entry& p) {
    p.e.store(p.port(0), p.index(0), Dtype::F64, p.e.constant(Scalar::F64, value));
  });
}

double result_of(const Artifact& artifact) {
  return load(artifact)->run({})[0].values<double>()[0];
}

}  // namespace

TEST_CASE("programs of one name are linked side by side, and dropped one by one") {
  auto three = load(program_of(3)), four = load(program_of(4));
  CHECK((three->entry() != four->entry()));
  CHECK(three->run({})[0].values<double>()[0] == 3);
  three.reset();
  CHECK(four->run({})[0].values<double>()[0] == 4);
  CHECK(result_of(program_of(5)) == 5);
}

TEST_CASE("what cannot be linked says why, and nothing of it is left") {
  Artifact other = program_of(3);
  other.signature.entry = "elsewhere";
  const auto unknown = compile(cpu_target("native", 8), {}, [](Entry& p) { calls(p, "memcpy"); });
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_WITH_AS(load(other),
                         "error: the object of 'test_program' cannot be linked: it does not define "
                         "that function",
                         Error);
    CHECK_THROWS_AS(load(unknown), Error);
    CHECK(result_of(program_of(i)) == i);
  }
}

TEST_CASE("threads link, run and drop programs at once") {
  const Artifact made[] = {program_of(0), program_of(1), program_of(2)};
  std::atomic<int> right{0};
  const auto host = [&](int first) {
    for (int i = 0; i < 300; ++i) right += result_of(made[(first + i) % 3]) == (first + i) % 3;
  };
  std::vector<std::thread> hosts;
  for (int i = 0; i < 4; ++i) hosts.emplace_back(host, i);
  for (std::thread& one : hosts) one.join();
  CHECK(right == 1200);
}

#ifndef NODEC_SANITIZED  // a sanitizer does not follow a fork
TEST_CASE("a fork beside links of other threads goes on linking") {
  const Artifact made = program_of(7);
  const auto kept = load(made);
  std::atomic<bool> on{true};
  std::thread other([&] {
    while (on) result_of(made);
  });
  int well = 0;
  for (int i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);  // rather than wait for a lock for ever
      _exit(result_of(made) == 7 && kept->run({})[0].values<double>()[0] == 7 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    well += status == 0;
  }
  on = false;
  other.join();
  CHECK(well == 100);
}
#endif
