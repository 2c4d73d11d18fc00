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
};

}  // namespace nodec
