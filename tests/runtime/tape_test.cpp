// Tapes: frames never move, growth is counted once and kept, limits and changes of size hold.
#include "runtime/tape.h"

#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

using namespace nodec;

TEST_CASE("frames are apart, aligned, and stay where they are while the tape grows") {
  TapeStorage tape;
  tape.prepare(192);
  std::vector<std::byte*> frames;
  for (std::int64_t n = 0; n < 1000; ++n) {
    frames.push_back(tape.frame(n, 0));
    REQUIRE(reinterpret_cast<std::uintptr_t>(frames.back()) % 64 == 0);
    std::memset(frames.back(), int(n % 251), 192);
  }
  for (std::int64_t n = 0; n < 1000; ++n) {
    CHECK(tape.frame(n, 0) == frames[std::size_t(n)]);
    CHECK(int(frames[std::size_t(n)][0]) == n % 251);
    CHECK(int(frames[std::size_t(n)][191]) == n % 251);
  }
  // 8 * (1 + 2 + 4 + ... + 64) = 1016 frames.
  CHECK(tape.growths() == 6);
  CHECK(tape.held_bytes() == 1016 * 192);
}

TEST_CASE("frames of any size begin at multiples of 64 bytes") {
  for (const std::int64_t bytes : {0, 1, 64, 65}) {
    TapeStorage tape;
    tape.prepare(bytes);
    CHECK(tape.frame(1, 0) - tape.frame(0, 0) == (bytes > 64 ? 128 : 64));
  }
}

TEST_CASE("a tape that has grown does not grow again for as many frames") {
  TapeStorage tape;
  tape.prepare(64);
  CHECK(tape.growths() == 0);
  for (int call = 0; call < 3; ++call) {
    tape.prepare(64);
    for (std::int64_t n = 0; n < 100; ++n) tape.frame(n, 0);
    CHECK(tape.growths() == 3);
  }
  // A smaller frame fits the same segments; a larger one needs new ones.
  const std::int64_t held = tape.held_bytes();
  tape.prepare(64);
  CHECK(tape.held_bytes() == held);
  tape.prepare(128);
  CHECK(tape.held_bytes() == 8 * 128);
  tape.prepare(64);
  CHECK(tape.held_bytes() == 8 * 128);
}

TEST_CASE("the limit depends on frame size and number alone") {
  for (bool grown_before : {false, true}) {
    TapeStorage tape;
    tape.prepare(64);
    if (grown_before) tape.frame(500, 0);
    const std::int64_t limit = 24 * 64;  // two segments: 8 + 16 frames
    CHECK(tape.frame(23, limit) != nullptr);
    CHECK(tape.frame(24, limit) == nullptr);
    CHECK(tape.frame(24, 0) != nullptr);
  }
}

TEST_CASE("threads that grow a tape together get the same frames") {
  TapeStorage tape;
  tape.prepare(64);
  std::vector<std::vector<std::byte*>> seen(4);
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&] {
      for (std::int64_t n = 0; n < 2000; ++n) mine.push_back(tape.frame(n, 0));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : seen) CHECK(mine == seen[0]);
  CHECK(std::set<std::byte*>(seen[0].begin(), seen[0].end()).size() == 2000);
  CHECK(tape.growths() == 7);
}
