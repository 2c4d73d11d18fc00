// That the tests of equal bits compare what they claim to: vectors of the width asked for, work
// shared between the threads.
#include <array>
#include <set>
#include <span>
#include <sstream>
#include <thread>

#include "ir/abi.h"
#include "tests/bits/training.h"

namespace nodec::bits {
namespace {

constexpr const char* kRegisters[] = {"%xmm", "%ymm", "%zmm"};

struct Census {
  std::array<int, 3> lines{};  // that mention a register of this width, addresses apart
  std::array<int, 3> fma{};    // packed fused multiply-adds on it
};

// Whether an instruction works on numbers of 64 bits, which a program of floats has for its
// addresses alone: they take twice the width for as many lanes, on processors whose gathers are
// done by parts.
bool is_of_addresses(const std::string& mnemonic) {
  return mnemonic.ends_with("q") || mnemonic.starts_with("vextracti");
}

Census census(const std::string& assembly) {
  Census found;
  std::istringstream lines(assembly);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string::npos) continue;
    const std::string mnemonic = line.substr(start, line.find_first_of(" \t", start) - start);
    if (is_of_addresses(mnemonic)) continue;
    const bool fma = mnemonic.starts_with("vfmadd") && mnemonic.ends_with("ps");
    for (std::size_t r = 0; r < 3; ++r) {
      if (line.find(kRegisters[r]) == std::string::npos) continue;
      ++found.lines[r];
      if (fma) ++found.fma[r];
    }
  }
  return found;
}

bool host_has_512_bits() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

// An entry that notes who runs it, and how many chunks each thread of the team did.
struct Worker {
  std::int64_t chunks = 0;
  std::thread::id thread;
};
EntryFunction counted = nullptr;
std::array<Worker, 5> workers;

void count_chunks(CallFrame* frame, std::int64_t thread) {
  counted(frame, thread);
  Worker& worker = workers[std::size_t(thread)];
  worker.chunks += frame->chunks_done[8 * thread];
  worker.thread = std::this_thread::get_id();
}

}  // namespace

TEST_CASE("machine code uses vectors of exactly the lanes asked for") {
  for (const char* adjoint : {"discrete", "interpolating"}) {
    mnist::ProgramOptions options;
    options.adjoint = adjoint;
    const Traced traced = mnist::trace_training(options);
    for (const std::size_t width : {0, 1, 2}) {
      if (width == 2 && !host_has_512_bits()) continue;  // 16 lanes are two registers there
      const int lanes = 4 << width;
      CAPTURE(adjoint);
      CAPTURE(lanes);
      const Environment environment("NODEC_LANES", std::to_string(lanes));
      const Census found = census(dump(*traced.graph, "assembly"));
      CHECK(found.fma[width] >= 200);
      for (std::size_t wider = width + 1; wider < 3; ++wider) CHECK(found.lines[wider] == 0);
    }
  }
}

TEST_CASE("every worker does its share of the chunks, on a thread of its own") {
  const mnist::ProgramOptions options;
  const Program program = compile_training(options);
  counted = program.executable->entry();
  Program counting;
  counting.executable = std::make_shared<Executable>(count_chunks, program.executable->signature(),
                                                     program.executable);
  std::int64_t all = 0;
  for (const int threads : {1, 2, 5}) {
    CAPTURE(threads);
    workers = {};
    train(counting, options, {2048, 2, 2048, threads});
    const std::span team(workers.data(), std::size_t(threads));
    std::int64_t sum = 0;
    std::set<std::thread::id> ids;
    for (const Worker& worker : team) {
      // Of a phase's 64 chunks each of five does at least 12.
      CHECK(worker.chunks * threads >= all * 9 / 10);
      CHECK(worker.chunks > 250);
      sum += worker.chunks;
      ids.insert(worker.thread);
    }
    CHECK(ids.size() == team.size());
    if (threads == 1) all = sum;
    CHECK(sum == all);
  }
}

}  // namespace nodec::bits
