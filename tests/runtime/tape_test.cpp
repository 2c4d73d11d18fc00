// Tapes: frames never move, growth is counted once and kept, limits and changes of size hold.
#include "runtime/tape.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <set>
#include <thread>
#include <vector>

#include "runtime/memory.h"

using namespace nodec;

namespace {

// The usual limit, which these small tapes do not reach.
TapeRoom& usual_room() {
  static TapeRoom room;
  room.begin(0);
  return room;
}
TapeRoom& room = usual_room();

}  // namespace

TEST_CASE("frames are apart, aligned, and stay where they are while the tape grows") {
  TapeStorage tape;
  tape.prepare(192);
  std::vector<std::byte*> frames;
  for (std::int64_t n = 0; n < 1000; ++n) {
    frames.push_back(tape.frame(n, room));
    REQUIRE(reinterpret_cast<std::uintptr_t>(frames.back()) % 64 == 0);
    std::memset(frames.back(), int(n % 251), 192);
  }
  for (std::int64_t n = 0; n < 1000; ++n) {
    CHECK(tape.frame(n, room) == frames[std::size_t(n)]);
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
    CHECK(tape.frame(1, room) - tape.frame(0, room) == (bytes > 64 ? 128 : 64));
  }
}

TEST_CASE("frames of which no eight can be counted are refused") {
  TapeStorage tape;
  for (const std::int64_t bytes :
       {std::int64_t(1) << 61, std::numeric_limits<std::int64_t>::max()}) {
    tape.prepare(bytes);
    CHECK(tape.frame(0, room) == nullptr);
  }
}

TEST_CASE("frames of scalars stand closer") {
  TapeStorage tape;
  tape.prepare(24, 8);
  CHECK(tape.frame(1, room) - tape.frame(0, room) == 24);
}

TEST_CASE("a cursor finds every frame of its segment by itself") {
  TapeStorage tape;
  tape.prepare(24, 8);
  TapeCursor cursor;
  for (std::int64_t n = 0; n < 100; ++n) {
    tape.write(n, cursor, room);
    CHECK(cursor.written == n + 1);
    for (std::int64_t i = 0; i < cursor.count; ++i) {
      const char* own = cursor.base + i * cursor.stride;
      CHECK(own == reinterpret_cast<char*>(tape.frame(cursor.first + i, room)));
    }
    CHECK(n - cursor.first < cursor.count);
  }
  CHECK(cursor.first == 56);  // 8 * (1 + 2 + 4) frames stand before the fourth segment
  tape.read(3, cursor, room);
  CHECK(cursor.first == 0);
  CHECK(cursor.written == 100);
}

TEST_CASE("a tape that has grown does not grow again for as many frames") {
  TapeStorage tape;
  tape.prepare(64);
  CHECK(tape.growths() == 0);
  for (int call = 0; call < 3; ++call) {
    tape.prepare(64);
    for (std::int64_t n = 0; n < 100; ++n) tape.frame(n, room);
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
    if (grown_before) tape.frame(500, room);
    TapeRoom small;
    small.begin(24 * 64);  // two segments: 8 + 16 frames
    tape.begin();
    CHECK(tape.frame(23, small) != nullptr);
    CHECK(tape.frame(24, small) == nullptr);
    CHECK(small.wanted() == (8 + 16 + 32) * 64);
    CHECK(tape.frame(3, small) != nullptr);
    tape.begin();
    CHECK(tape.frame(24, room) != nullptr);
  }
}

TEST_CASE("tapes of one call share its limit, and the next call begins with all of it") {
  TapeSet set;
  for (int i = 0; i < 2; ++i) {
    set.tapes.push_back(std::make_unique<TapeStorage>());
    set.tapes.back()->prepare(64);
  }
  for (int call = 0; call < 2; ++call) {
    set.begin(32 * 64);
    CHECK(set.tapes[0]->frame(23, set.room) != nullptr);
    CHECK(set.tapes[1]->frame(7, set.room) != nullptr);
    CHECK(set.tapes[1]->frame(8, set.room) == nullptr);
  }
  set.begin(8 * 64 - 1);
  CHECK(set.tapes[0]->frame(0, set.room) == nullptr);
}

TEST_CASE("there is no frame below 0, none past what memory there is, and half of it by default") {
  TapeStorage tape;
  tape.prepare(64);
  CHECK(tape.frame(-1, room) == nullptr);
  CHECK(tape.frame(std::numeric_limits<std::int64_t>::max(), room) == nullptr);
  CHECK(machine_memory() > 1 << 24);
  CHECK(room.limit() == machine_memory() / 2);
}

TEST_CASE("frames are written one after the other, and read once they are written") {
  TapeStorage tape;
  tape.prepare(64);
  for (int call = 0; call < 2; ++call) {
    TapeRoom room;
    TapeCursor cursor;
    room.begin(0);
    tape.begin();
    CHECK(tape.read(0, cursor, room) == nullptr);
    CHECK(room.missed());
    room.begin(0);
    for (std::int64_t n = 0; n < 20; ++n) CHECK(tape.write(n, cursor, room) == tape.frame(n, room));
    CHECK(tape.write(3, cursor, room) == tape.frame(3, room));
    CHECK(tape.read(19, cursor, room) == tape.frame(19, room));
    CHECK_FALSE(room.missed());
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t n : {std::int64_t(-1), std::int64_t(21), -most - 1, most}) {
      CAPTURE(n);
      room.begin(0);
      CHECK(tape.write(n, cursor, room) == nullptr);
      CHECK(room.missed());
    }
    for (const std::int64_t n : {std::int64_t(-1), std::int64_t(20), -most - 1, most}) {
      CAPTURE(n);
      room.begin(0);
      CHECK(tape.read(n, cursor, room) == nullptr);
      CHECK(room.missed());
    }
  }
}

TEST_CASE("threads that write a tape together never miss a frame of their own") {
  TapeStorage tape;
  tape.prepare(64);
  TapeRoom mine;
  mine.begin(0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      TapeCursor own;
      for (std::int64_t n = 0; n < 2000; ++n) tape.write(n, own, mine), tape.read(n, own, mine);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(mine.missed());
}

TEST_CASE("threads that grow a tape together get the same frames") {
  TapeStorage tape;
  tape.prepare(64);
  std::vector<std::vector<std::byte*>> seen(4);
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&] {
      for (std::int64_t n = 0; n < 2000; ++n) mine.push_back(tape.frame(n, room));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : seen) CHECK(mine == seen[0]);
  CHECK(std::set<std::byte*>(seen[0].begin(), seen[0].end()).size() == 2000);
  CHECK(tape.growths() == 7);
}
