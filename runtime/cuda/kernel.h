// What the host must know of a generated GPU program to launch it, beside its signature; and such a
// program as one string of bytes, which is what an Artifact holds of it. README.md is the contract.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nodec {

struct KernelLaunch {
  int parts = 1;                   // a member is 32 * parts threads
  int block_members = 1;           // members in one block
  std::int64_t shared_bytes = 0;   // of a member, in any case
  std::int64_t arena_bytes = 0;    // of a chunk
  bool team = true;                // whether a meeting of the team can be reached
  bool arena_shared = true;        // whether a chunk's arena may be in its member's shared memory
  std::int64_t dense_members = 1;  // how many members the dense work is worth
  bool operator==(const KernelLaunch&) const = default;
};

struct KernelObject {
  KernelLaunch launch;
  int architecture = 0;  // of the cubin: 90; 0: there is none
  std::string cubin;     // for that architecture
  std::string ptx;       // for newer ones
  std::string text;      // CUDA C++, which the emulator runs; may be left out of a real one
};

std::string pack(const KernelObject& object);
// An Error for bytes that pack() did not make.
KernelObject unpack(std::string_view bytes);

}  // namespace nodec
