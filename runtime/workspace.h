// The memory one call of a program needs besides its arguments: scratch buffers, tapes, counters.
// Kept between calls and resized only when a symbol's value asks for more. Never cleared between
// calls; fresh memory is filled with NaN patterns, so a program that reads what it has not written
// shows it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/abi.h"
#include "runtime/aligned.h"
#include "runtime/arguments.h"
#include "runtime/tape.h"

namespace nodec {

class Workspace {
 public:
  explicit Workspace(const Signature& signature);

  void prepare(const std::vector<std::int64_t>& symbols, std::int64_t tape_limit);
  void fill(CallFrame& frame);  // the parts of the frame that live here

  // Of the present call.
  ArgumentCheck::Room arguments;
  std::vector<void*> ports;

  std::int64_t tape_growths() const;
  std::int64_t held_bytes() const;
  std::int64_t tape_bytes() const;  // of these, the tapes'

 private:
  void resize(const Bindings& bindings);

  const Signature& signature_;
  std::vector<std::int64_t> symbols_;
  AlignedBytes arena_;
  std::int64_t arena_bytes_ = 0;
  std::vector<void*> scratch_;
  std::vector<std::int64_t> chunks_done_;  // eight to a thread, a cache line each
  TapeSet tapes_;
};

}  // namespace nodec
