// What an emulated program and the emulator agree on. The program has this text in front of it too,
// so nothing is included.
#pragma once

namespace nodec::emulator {

struct Index {
  unsigned x, y, z;
};

// Of the thread that runs.
struct Self {
  Index thread, block, grid;
  unsigned char* shared;  // its block's
};

// What the program calls. `line` is where in its text.
struct Table {
  // The `threads` threads of a block that share this barrier meet.
  void (*meet)(int barrier, int threads, int line);
  bool (*meet_any)(int barrier, int threads, bool holds, int line);
  void (*team_meet)(int line);
  unsigned long long (*shift_lanes)(unsigned long long bits, int distance, int line);
  // An access, before it happens; `site` is an address in the program.
  void (*touch)(const void* address, unsigned long size, bool writes, const void* site);
};

}  // namespace nodec::emulator
