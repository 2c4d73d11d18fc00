// Hand-written kernels on the emulated GPU: what they compute, and that planted faults are caught.
#include "runtime/emulator/emulator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/error.h"
#include "runtime/emulator/fiber.h"
#include "tests/runtime/cuda/kernels.h"

using namespace nodec;
using namespace nodec::testing;
namespace emu = nodec::emulator;

namespace {

using Floats = std::vector<float>;

// Sums x by halves in shared memory, a meeting before each: y = [sum].
const char* const kSum = R"(
  float* shared = (float*)shared_memory(frame);
  const float* x = (const float*)frame.ports[0];
  const int t = member_thread();
  shared[t] = x[t];
  for (int width = NODEC_MEMBER_THREADS / 2; width > 0; width /= 2) {
    meet();
    if (t < width) shared[t] = shared[t] + shared[t + width];
  }
  if (t == 0) ((float*)frame.ports[1])[0] = shared[0];)";

struct Run {
  std::vector<emu::Finding> found;
  emu::Counts counts;
};

// x and y are the ports, watched by their names.
std::string told(const Run& run) {
  std::string all;
  for (const emu::Finding& f : run.found) all += f.text + "\n";
  return all;
}

Run run(const KernelShape& shape, const std::string& text, Floats& x, Floats& y, emu::Launch launch,
        bool watched = true) {
  const auto program = emu::Program::compile({text, "kernel"}, {.watched = watched});
  KernelFrame frame(shape);
  frame.port(0, x.data());
  frame.port(1, y.data());
  emu::Memory memory;
  memory.watch(x.data(), x.size() * 4, "x");
  memory.watch(y.data(), y.size() * 4, "y");
  memory.watch(frame.words.data(), frame.words.size() * 8, "the frame");
  memory.watch(frame.report.data(), frame.report.size() * 8, "the report");
  launch.threads = 32 * shape.parts * shape.block_members;
  launch.member_threads = 32 * shape.parts;
  launch.shared_bytes = std::size_t(shape.shared_bytes * shape.block_members);
  Run result;
  result.found = emu::run(*program, launch, frame.launch(), memory, &result.counts);
  return result;
}

Floats counted(std::size_t n) {
  Floats x(n);
  std::iota(x.begin(), x.end(), 1.0F);
  return x;
}

std::string without(std::string text, const std::string& part) {
  const std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.erase(at, part.size());
}

// The one finding, whole.
std::string only(const Run& run) {
  CHECK(run.found.size() == 1);
  return run.found.empty() ? "nothing" : run.found[0].text;
}

}  // namespace

TEST_CASE("threads that meet sum in shared memory, in any order, watched or not") {
  const KernelShape shape{.parts = 4, .shared_bytes = 512};
  for (const bool watched : {false, true}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      Floats x = counted(128), y(1);
      const Run r = run(shape, kernel_text(shape, kSum), x, y, {.seed = seed}, watched);
      CHECK(told(r) == "");
      CHECK(y[0] == 128 * 129 / 2);
      CHECK(r.counts.member_meetings == 7);
      CHECK((r.counts.accesses > 0) == watched);
    }
  }
}

TEST_CASE("fibers switch by ucontext as well") {
  emu::FiberPool::portable = true;
  const KernelShape shape{.parts = 4, .shared_bytes = 512};
  Floats x = counted(128), y(1);
  CHECK(told(run(shape, kernel_text(shape, kSum), x, y, {})) == "");
  CHECK(y[0] == 128 * 129 / 2);
#if defined(__x86_64__)
  emu::FiberPool::portable = false;
#endif
}

TEST_CASE("a meeting left out is a race, whatever came of it") {
  const KernelShape shape{.parts = 4, .shared_bytes = 512};
  const std::string text = kernel_text(shape, without(kSum, "meet();"));
  Floats x = counted(128), y(1);
  const Run r = run(shape, text, x, y, {.seed = 3});
  REQUIRE(!r.found.empty());
  CHECK(r.found[0].kind == emu::Finding::Kind::Race);
  const std::string& told = r.found[0].text;
  CHECK(told.find("the shared memory of block 0, byte ") == 0);
  CHECK(told.find("writes at kernel.cu:") != std::string::npos);
  CHECK(told.find("no meeting between") != std::string::npos);
}

TEST_CASE("threads of different warps race, those of a warp that met do not") {
  // PARTS 1, so that a member is a warp.
  const KernelShape shape{.parts = 1, .block_members = 4, .shared_bytes = 128};
  Floats x = counted(128), y(4);
  const std::string body = R"(
  float* mine = (float*)shared_memory(frame);
  const float* x = (const float*)frame.ports[0];
  mine[member_thread()] = x[threadIdx.x];
  meet();
  if (member_thread() == 0) ((float*)frame.ports[1])[member()] = mine[31];)";
  CHECK(told(run(shape, kernel_text(shape, body), x, y, {})) == "");
  CHECK(y == Floats{32, 64, 96, 128});
  const std::string other = R"(
  float* all = (float*)NODEC_SHARED;
  const float* x = (const float*)frame.ports[0];
  all[threadIdx.x] = x[threadIdx.x];
  meet();
  if (member_thread() == 0) ((float*)frame.ports[1])[member()] = all[(threadIdx.x + 32) % 128];)";
  const Run r = run(shape, kernel_text(shape, other), x, y, {});
  REQUIRE(!r.found.empty());
  CHECK(r.found[0].kind == emu::Finding::Kind::Race);
}

TEST_CASE("an index past its region stops the program, by name and line") {
  const KernelShape shape{.parts = 1};
  const std::string body = R"(
  float* y = (float*)frame.ports[1];
  y[threadIdx.x + 1] = 1.0f;)";
  Floats x(1), y(32);
  const Run r = run(shape, kernel_text(shape, body), x, y, {});
  CHECK(only(r) ==
        "thread 31 of block 0 at kernel.cu:3, 0 bytes behind y (128 bytes): 4 bytes written");
  const KernelShape shared{.parts = 1, .shared_bytes = 64};
  const std::string reads = "\n((float*)frame.ports[1])[0] = ((float*)shared_memory(frame))[32];";
  const Run s = run(shared, kernel_text(shared, reads), x, y, {});
  REQUIRE(s.found.size() == 1);
  CHECK(s.found[0].text.find(
            "at kernel.cu:2, 64 bytes behind the shared memory of block 0 (64 bytes): "
            "4 bytes read") != std::string::npos);
}

TEST_CASE("a meeting in a branch is a deadlock, told with its line") {
  const KernelShape shape{.parts = 2};
  Floats x(1), y(1);
  const Run r = run(shape, kernel_text(shape, "if (threadIdx.x < 40)\nmeet();"), x, y, {});
  CHECK(only(r) == "of 64 threads 40 wait for their member at line 2, 24 have left");
  CHECK(r.found[0].kind == emu::Finding::Kind::Deadlock);
}

TEST_CASE("two meetings in the arms of a branch are told") {
  const KernelShape shape{.parts = 2};
  Floats x(1), y(1);
  const std::string body = "if (threadIdx.x < 32)\nmeet();\nelse\nmeet();";
  const Run r = run(shape, kernel_text(shape, body), x, y, {});
  REQUIRE(r.found.size() == 1);
  CHECK(r.found[0].kind == emu::Finding::Kind::Divergence);
  CHECK(r.found[0].text.find("member 0 meets at line") == 0);
}

TEST_CASE("a shift that not all of a warp comes to is a deadlock") {
  const KernelShape shape{.parts = 2};
  Floats x(1), y(64);
  const std::string body = R"(
  float* y = (float*)frame.ports[1];
  if (threadIdx.x >= 16) y[threadIdx.x] = shift_lanes(1.0f, 1);)";
  const Run r = run(shape, kernel_text(shape, body), x, y, {});
  CHECK(only(r) == "of 64 threads 16 wait for their warp at line 3, 48 have left");
}

TEST_CASE("a shift does not make another thread's writes seen") {
  const KernelShape shape{.parts = 1, .shared_bytes = 128};
  Floats x(1), y(32);
  const std::string body = R"(
  float* shared = (float*)shared_memory(frame);
  shared[threadIdx.x] = 1.0f;
  const float one = shift_lanes(1.0f, 1);
  ((float*)frame.ports[1])[threadIdx.x] = one + shared[threadIdx.x ^ 1];)";
  const Run r = run(shape, kernel_text(shape, body), x, y, {});
  REQUIRE(!r.found.empty());
  CHECK(r.found[0].kind == emu::Finding::Kind::Race);
}

TEST_CASE("blocks that never meet go through in waves, each with its own number") {
  const KernelShape shape{.parts = 1};
  Floats x(1), y(32 * 200);
  const std::string body =
      "((float*)frame.ports[1])[team_thread()] = (float)(member() + members());";
  const Run r = run(shape, kernel_text(shape, body), x, y, {.blocks = 200, .team = false});
  CHECK(told(r) == "");
  for (int i = 0; i < 32 * 200; ++i) REQUIRE(y[std::size_t(i)] == float(i / 32 + 200));
}

TEST_CASE("blocks that never meet race, however far apart they run") {
  const KernelShape shape{.parts = 1};
  Floats x(1), y(32);
  const Run r = run(shape, kernel_text(shape, "((float*)frame.ports[1])[slot()] = 1.0f;"), x, y,
                    {.blocks = 1, .team = false});
  CHECK(!r.found.empty());  // two halves
  const std::string body = "if (threadIdx.x == 0 && member() % 150 == 0) *frame.ports[1] = 1;";
  const Run far = run(shape, kernel_text(shape, body), x, y, {.blocks = 151, .team = false});
  CHECK(only(far).find("byte 0: thread 0 of block 0 writes at kernel.cu:1; thread 0 of block 150 "
                       "writes at kernel.cu:1") != std::string::npos);
}

TEST_CASE("members of a team see each other's writes behind a meeting of the team alone") {
  const KernelShape shape{.parts = 2};
  const std::string body = R"(
  float* y = (float*)frame.ports[1];
  y[team_thread()] = (float)team_thread();
  team_meet(frame);
  const float other = y[(team_thread() + NODEC_BLOCK_THREADS) % team_threads()];
  team_meet(frame);
  y[team_thread()] = other;)";
  const std::string text = kernel_text(shape, body);
  Floats x(1), y(192);
  const Run r = run(shape, text, x, y, {.blocks = 3, .seed = 5});
  CHECK(told(r) == "");
  CHECK(r.counts.team_meetings == 2);
  for (int i = 0; i < 192; ++i) CHECK(y[std::size_t(i)] == float((i + 64) % 192));
  // Its own member is not enough.
  std::string weaker = body;
  weaker.replace(weaker.find("team_meet(frame)"), 16, "meet()");
  const Run raced = run(shape, kernel_text(shape, weaker), x, y, {.blocks = 3});
  REQUIRE(!raced.found.empty());
  CHECK(raced.found[0].kind == emu::Finding::Kind::Race);
  // And a launch of unrelated blocks has no team.
  const Run apart = run(shape, text, x, y, {.blocks = 3, .team = false});
  CHECK(only(apart) == "the team meets at line 4, and was not launched as one");
}

TEST_CASE("several readers of different members race with a later writer") {
  const KernelShape shape{.parts = 1};
  const std::string body = R"(
  float* y = (float*)frame.ports[1];
  const float seen = y[0];
  meet();
  if (is_first()) y[0] = seen + 1;)";
  Floats x(1), y(1);
  CHECK(told(run(shape, kernel_text(shape, body), x, y, {.blocks = 1})) == "");
  const Run r = run(shape, kernel_text(shape, body), x, y, {.blocks = 2});
  REQUIRE(!r.found.empty());
  CHECK(r.found[0].kind == emu::Finding::Kind::Race);
}

TEST_CASE("bytes next to each other are different memory") {
  const KernelShape shape{.parts = 1};
  const std::string body = R"(
  u8* y = frame.ports[1];
  y[threadIdx.x] = (u8)threadIdx.x;
  meet();
  if (threadIdx.x < 8) ((int*)frame.ports[0])[threadIdx.x] = ((const int*)y)[threadIdx.x];)";
  Floats x(8), y(8);
  CHECK(told(run(shape, kernel_text(shape, body), x, y, {})) == "");
  const Run r = run(shape, kernel_text(shape, without(body, "meet();")), x, y, {});
  REQUIRE(!r.found.empty());
  CHECK(r.found[0].kind == emu::Finding::Kind::Race);
}

TEST_CASE("lanes shift within half a warp") {
  const KernelShape shape{.parts = 2};
  const std::string body = R"(
  float* y = (float*)frame.ports[1];
  double x = (double)threadIdx.x;
  for (int width = 8; width > 0; width /= 2) x = x + shift_lanes(x, width);
  if (slot() == 0) y[threadIdx.x >> 4] = (float)x;)";
  Floats x(1), y(4);
  CHECK(told(run(shape, kernel_text(shape, body), x, y, {.seed = 9})) == "");
  CHECK(y == Floats{120, 376, 632, 888});
}

TEST_CASE("a member's threads meet to know whether something holds for one of them") {
  const KernelShape shape{.parts = 2, .block_members = 2};
  const std::string text = kernel_text(shape, R"(
  const float* x = (const float*)frame.ports[0];
  float turns = 0;
  for (float mine = x[block_thread()]; meet_any(mine > 0.0f); mine = mine - 1.0f) turns = turns + 1.0f;
  ((float*)frame.ports[1])[block_thread()] = turns;)");
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    Floats x(128), y(128);
    x[5] = 3, x[40] = 7, x[127] = 2;
    CHECK(told(run(shape, text, x, y, {.seed = seed})).empty());
    CHECK(std::all_of(y.begin(), y.begin() + 64, [](float t) { return t == 7; }));
    CHECK(std::all_of(y.begin() + 64, y.end(), [](float t) { return t == 2; }));
  }
}

TEST_CASE("shared memory is NaN until it is written") {
  const KernelShape shape{.parts = 1, .shared_bytes = 128};
  Floats x(1), y(32);
  const std::string body =
      "((float*)frame.ports[1])[threadIdx.x] = ((float*)shared_memory(frame))[threadIdx.x];";
  CHECK(told(run(shape, kernel_text(shape, body), x, y, {})) == "");
  for (const float f : y) CHECK(std::isnan(f));
}

TEST_CASE("arithmetic that C++ leaves open is the GPU's") {
  const KernelShape shape{.parts = 1};
  const std::string body = R"(
  if (threadIdx.x != 0) return;
  const float* x = (const float*)frame.ports[0];
  int* y = (int*)frame.ports[1];
  const float nan = x[0], huge = x[1], zero = x[2];
  y[0] = to_i32(nan);
  y[1] = to_i32(huge);
  y[2] = to_i32(negative(huge));
  y[3] = to_i32((double)huge);
  y[4] = bits_of(select(negative(zero) < 0.0f, 0.0f, negative(zero)));
  y[5] = to_i64(nan) == 0 && to_i64((double)nan) == 0 ? 1 : 0;
  y[6] = to_i64(huge) == 0x7fffffffffffffffll ? 1 : 0;
  y[7] = bits_of(round_even(2.5f)) == bits_of(2.0f) ? 1 : 0;
  y[8] = add(0x7fffffff, 1);
  y[9] = multiply_high(0x10000, -1);
  y[10] = bits_of(fma_rn(x[3], x[3], -1.0f));
  y[11] = bits_of(x[3] * x[3] + -1.0f);
  y[12] = select(nan < 0.0f, 1, 2);)";
  Floats x{std::nanf(""), 1e30F, 0, 1 + 0x1p-12F}, y(13);
  CHECK(told(run(shape, kernel_text(shape, body), x, y, {})) == "");
  std::vector<std::int32_t> bits(13);
  std::memcpy(bits.data(), y.data(), 52);
  const auto of = [](float f) {
    std::int32_t i = 0;
    std::memcpy(&i, &f, 4);
    return i;
  };
  const std::int32_t most = std::numeric_limits<std::int32_t>::max(), least = -most - 1;
  CHECK(bits == std::vector<std::int32_t>{0, most, least, most, least, 1, 1, 1, least, 0xffff,
                                          of(0x1p-11F + 0x1p-24F), of(0x1p-11F), 2});
}

TEST_CASE("a tape that is full is said, and how much it would have held") {
  const KernelShape shape{.parts = 1};
  const std::string text = kernel_text(shape, R"(
  i64 written = 0;
  for (int n = 0; n < 5; ++n) {
    u8* at = tape_write(frame, 0, n, written);
    if (!at) {
      if (is_first()) frame.report->status = 4;
      return;
    }
    ((int*)at)[threadIdx.x] = n;
  }
  ((int*)frame.ports[1])[threadIdx.x] = ((int*)tape_read(frame, 0, 3, written))[threadIdx.x];)");
  const auto program = emu::Program::compile({text, "kernel"}, {});
  std::vector<int> tape(8 * 32), y(32);
  for (const int capacity : {4, 8}) {
    KernelFrame frame(shape);
    frame.port(1, y.data());
    frame.tape(tape.data(), 128, capacity);
    emu::Memory memory;
    CHECK(emu::run(*program, {.threads = 32}, frame.launch(), memory).empty());
    CHECK(frame.report[0] == (capacity == 4 ? 4 : 0));
    CHECK(frame.report[19] == (capacity == 4 ? 5 : 0));
    CHECK(y[7] == (capacity == 4 ? 0 : 3));
  }
}

TEST_CASE("a frame beyond a parameter's 4096 bytes is handed over by its address") {
  const KernelShape shape{.parts = 1, .symbols = 600};
  const auto program = emu::Program::compile(
      {kernel_text(shape, "*(i64*)frame.ports[1] = frame.symbols[599];"), "kernel"}, {});
  KernelFrame frame(shape);
  std::int64_t seen = 0;
  frame.port(1, &seen);
  frame.symbol(599, 42);
  const void* address = frame.words.data();
  const void* const arguments[] = {&address};
  emu::Memory memory;
  CHECK(emu::run(*program, {.threads = 32}, arguments, memory).empty());
  CHECK(seen == 42);
}
