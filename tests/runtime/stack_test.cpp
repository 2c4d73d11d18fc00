// Stacks: what a thread has left, and running on another.
#include "runtime/stack.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <cstring>

#include "runtime/executable.h"
#include "tests/runtime/doubling.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

constexpr std::int64_t kMb = 1 << 20;

// Calls `work` on a thread with a stack of this size.
template <typename Work>
void on_thread_with(std::int64_t stack, Work work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::size_t(stack));
  pthread_t thread;
  const auto call = [](void* it) -> void* { return (*static_cast<Work*>(it))(), nullptr; };
  REQUIRE(pthread_create(&thread, &attributes, call, &work) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

constexpr std::int64_t kNeed = 2 * kMb;

// A frame of so many bytes, of which every page is touched.
template <std::int64_t kBytes>
char touch() {
  volatile char room[kBytes];
  for (std::int64_t i = 0; i < kBytes; i += 1024) room[i] = 1;
  return room[0];
}

void greedy(CallFrame* frame, std::int64_t thread) {
  REQUIRE(touch<kNeed>() == 1);
  doubling_entry(frame, thread);
}

}  // namespace

TEST_CASE("a thread knows what is left of its stack") {
  on_thread_with(kMb, [] {
    CHECK(stack_holds(kMb / 2));
    CHECK(!stack_holds(kMb));
    Stack other;
    REQUIRE(other.reserve(4 * kMb));
    bool there = true;
    other.run([](void* it) { *static_cast<bool*>(it) = stack_holds(1); }, &there);
    CHECK(!there);  // it is not the thread's own
    CHECK(stack_holds(kMb / 2));
  });
}

TEST_CASE("a stack is as large as was asked for, and is used again") {
  Stack stack;
  REQUIRE(stack.reserve(3 * kMb));
  CHECK(stack.bytes() == 3 * kMb);
  REQUIRE(stack.reserve(kMb));
  CHECK(stack.bytes() == 3 * kMb);
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    stack.run([](void* it) { *static_cast<int*>(it) += touch<5 * kMb / 2>(); }, &runs);
  }
  CHECK(runs == 3);
  CHECK(!Stack().reserve(std::int64_t{1} << 60));
}

TEST_CASE("a program that needs more stack than its threads have gets it before the call") {
  const Executable program(greedy, doubling(), nullptr, kNeed);
  const Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), k = Tensor::scalar(2.0F);
  for (std::int64_t stack : {kMb / 4, kMb, 16 * kMb}) {
    for (int threads : {1, 3}) {
      CAPTURE(stack);
      CAPTURE(threads);
      std::vector<float> y;
      on_thread_with(stack, [&] {
        const TensorView inputs[] = {x, k};
        CallOptions options;
        options.threads = threads;
        options.exact_team = true;
        const auto outputs = program.run(inputs, options);
        y.assign(outputs[0].values<float>().begin(), outputs[0].values<float>().end());
      });
      CHECK(y == std::vector<float>{12, 10, 8, 6, 4, 2});
    }
  }
}
