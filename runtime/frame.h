// The routines compiled code may call; their names and meanings are part of ir/abi.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "ir/abi.h"

extern "C" {
void nodec_barrier(nodec::CallFrame* frame, std::int64_t thread);
char* nodec_tape_frame(nodec::CallFrame* frame, nodec::TapeCursor* cursor, std::int64_t tape,
                       std::int64_t n);
char* nodec_tape_read(nodec::CallFrame* frame, nodec::TapeCursor* cursor, std::int64_t tape,
                      std::int64_t n);
}

namespace nodec {

struct Routine {
  std::string_view name;
  void* address;
};
std::span<const Routine> runtime_routines();

}  // namespace nodec
