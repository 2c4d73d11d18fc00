// The memory one call of a program needs besides its arguments: scratch buffers, tapes, counters.
// Kept between calls and resized only when a symbol's value asks for more. Never cleared between
// calls; fresh memory is filled with NaN patterns, so a program that reads what it has not written
// shows it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ir/abi.h"
#include "runtime/aligned.h"
#include "runtime/arguments.h"
#include "runtime/stack.h"
#include "runtime/tape.h"
#include "runtime/team_size.h"

namespace nodec {

// What a buffer takes in whole cache lines; an Error where no number counts its bytes.
std::int64_t scratch_bytes(const ScratchBuffer& buffer, const Signature& signature,
                           const Bindings& sizes);

class Workspace {
 public:
  explicit Workspace(const Signature& signature);

  void prepare(const std::vector<std::int64_t>& symbols, std::int64_t tape_limit);
  void fill(CallFrame& frame);  // the parts of the frame that live here

  // What is known of calls of these sizes on at most `threads` threads.
  TeamSize& team_size(int threads, std::span<const TensorView> inputs, const Bindings& given);
  // Stacks for those members whose own is too short: the first, or the others.
  void reserve_stacks(std::int64_t bytes, int members, bool first, bool others);
  Stack* stack(std::int64_t member);  // null: its own will do

  // Of the present call.
  ArgumentCheck::Room arguments;
  std::vector<void*> ports;

  // Of a call that a tape stopped: why, and what its tapes asked for.
  void tell_tape(Outcome& outcome) const;
  std::int64_t tape_growths() const;
  std::int64_t held_bytes() const;
  std::int64_t tape_bytes() const;  // of these, the tapes'

 private:
  void resize(const Bindings& bindings);
  void make_arena(std::int64_t bytes);

  const Signature& signature_;
  std::vector<std::int64_t> symbols_;
  AlignedBytes arena_;
  std::int64_t arena_bytes_ = 0;
  std::vector<void*> scratch_;
  std::vector<std::int64_t> chunks_done_;  // eight to a thread, a cache line each
  TapeSet tapes_;
  std::vector<TapeCursor> cursors_;
  struct Sized {
    std::uint64_t sizes;
    TeamSize size;
  };
  std::vector<Sized> team_sizes_;  // the last few
  std::size_t oldest_size_ = 0;
  std::vector<Stack> stacks_;
  bool first_stack_ = false, other_stacks_ = false;  // in use by the call
};

}  // namespace nodec
