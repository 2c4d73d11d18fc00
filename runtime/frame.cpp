// The routines compiled code calls, and the offsets at which it reads its frame.
#include "runtime/frame.h"

#include <cstddef>

#include "runtime/barrier.h"
#include "runtime/tape.h"

namespace nodec {
namespace {

static_assert(offsetof(CallFrame, ports) == 0);
static_assert(offsetof(CallFrame, symbols) == 8);
static_assert(offsetof(CallFrame, scratch) == 16);
static_assert(offsetof(CallFrame, tapes) == 24);
static_assert(offsetof(CallFrame, barrier) == 32);
static_assert(offsetof(CallFrame, threads) == 40);
static_assert(offsetof(CallFrame, chunks_done) == 48);
static_assert(offsetof(CallFrame, outcome) == 56);
static_assert(offsetof(CallFrame, cursors) == 64 && sizeof(TapeCursor) == 64);
static_assert(offsetof(TapeCursor, first) == 0 && offsetof(TapeCursor, count) == 8);
static_assert(offsetof(TapeCursor, base) == 16 && offsetof(TapeCursor, stride) == 24);
static_assert(offsetof(TapeCursor, written) == 32);
static_assert(offsetof(Outcome, status) == 0 && offsetof(Outcome, t) == 8);
static_assert(offsetof(Outcome, dt) == 16 && offsetof(Outcome, accepted) == 24);
static_assert(offsetof(Outcome, rejected) == 32 && offsetof(Outcome, site) == 40);
static_assert(offsetof(Outcome, reverse) == 48 && offsetof(Outcome, component) == 56);
static_assert(offsetof(Outcome, sample) == 64 && offsetof(Outcome, told) == 72);
static_assert(offsetof(Outcome, forward) == 80 && offsetof(Outcome, backward) == 112);
static_assert(offsetof(SolveCounts, below_atol) == 8 && offsetof(SolveCounts, stiff) == 24);

template <typename Function>
void* address_of(Function* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

std::span<const Routine> runtime_routines() {
  static const Routine routines[] = {{"nodec_barrier", address_of(&nodec_barrier)},
                                     {"nodec_tape_frame", address_of(&nodec_tape_frame)},
                                     {"nodec_tape_read", address_of(&nodec_tape_read)}};
  return routines;
}

}  // namespace nodec

void nodec_barrier(nodec::CallFrame* frame, std::int64_t thread) {
  static_cast<nodec::Barrier*>(frame->barrier)->arrive_and_wait(thread);
}

char* nodec_tape_frame(nodec::CallFrame* frame, nodec::TapeCursor* cursor, std::int64_t tape,
                       std::int64_t n) {
  auto& set = *static_cast<nodec::TapeSet*>(frame->tapes);
  return reinterpret_cast<char*>(set.tapes[std::size_t(tape)]->write(n, *cursor, set.room));
}

char* nodec_tape_read(nodec::CallFrame* frame, nodec::TapeCursor* cursor, std::int64_t tape,
                      std::int64_t n) {
  auto& set = *static_cast<nodec::TapeSet*>(frame->tapes);
  return reinterpret_cast<char*>(set.tapes[std::size_t(tape)]->read(n, *cursor, set.room));
}
