// Runs a program's threads on the processor, one at a time, each until it must wait for others: a
// GPU without the speed, on which every order of threads can be had and every mistake be named.
//
// The order comes from a seed. Shared memory is full of NaN patterns when a block starts. What is
// found: threads that wait for ever, threads of one group that meet at different lines, a meeting
// of a team that was not launched as one; and in a watched program (ProgramOptions) accesses
// outside every region and those that race.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/emulator/memory.h"
#include "runtime/emulator/program.h"

namespace nodec::emulator {

struct Launch {
  int blocks = 1;
  int threads = 32;        // of a block, whole warps
  int member_threads = 0;  // 0: a block is one member
  bool team = true;        // whether all blocks are there at once and may meet
  std::size_t shared_bytes = 0;
  std::uint64_t seed = 0;
};

struct Finding {
  enum class Kind : std::uint8_t { Race, Bounds, Deadlock, Divergence };
  Kind kind;
  std::string text;
};

struct Counts {
  std::int64_t switches = 0, accesses = 0, team_meetings = 0, member_meetings = 0;
  void add(const Counts& other) {
    switches += other.switches;
    accesses += other.accesses;
    team_meetings += other.team_meetings;
    member_meetings += other.member_meetings;
  }
};

// `memory` knows the regions that the program may touch besides its stacks, its own constants and
// shared memory; it is told of what happens in them, if the program is watched. A program with a
// finding other than a race is left where it stood. One launch at a time, in the whole process.
std::vector<Finding> run(const Program& program, const Launch& launch, const void* const* arguments,
                         Memory& memory, Counts* counts = nullptr);

}  // namespace nodec::emulator
