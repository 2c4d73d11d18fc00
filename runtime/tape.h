// The storage behind nodec_tape_frame: frames of fixed size in segments of doubling length, kept
// from call to call.
//
// Segment k holds 2^k times as many frames as segment 0, so frame n lies in segment
// k = floor(log2(n / first + 1)), frames never move, and growing allocates one segment. A segment's
// first use in a call takes a lock, so any thread may write; every thread of a call writes the same
// frames in the same order, and keeps a cursor of its own (ir/abi.h).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ir/abi.h"
#include "runtime/aligned.h"

namespace nodec {

// The bytes that all tapes of one call may take together, by what each needs, whatever an earlier
// call left it with.
class TapeRoom {
 public:
  // 0: half of the machine's memory.
  void begin(std::int64_t limit);
  // False: it would be too much.
  bool take(std::int64_t bytes);

  std::int64_t limit() const { return limit_; }
  // What is taken, with what was last refused.
  std::int64_t wanted() const { return taken_.load() + refused_.load(); }
  // The first frame that there was no room for.
  std::int64_t refused_frame() const { return refused_frame_.load(); }
  std::byte* refuse(std::int64_t frame);
  // Whether a frame was asked for that a tape has not.
  bool missed() const { return missed_.load(); }
  std::byte* miss() {
    missed_ = true;
    return nullptr;
  }

 private:
  std::int64_t limit_ = 0;
  std::atomic<std::int64_t> taken_{0}, refused_{0}, refused_frame_{-1};
  std::atomic<bool> missed_{false};
};

class TapeStorage {
 public:
  static constexpr std::int64_t first_frames = 8;

  // Before a call with other sizes: frames of this size from now on. The first segment is made
  // here; segments too small for it are dropped.
  void prepare(std::int64_t frame_bytes, std::int64_t alignment = kAlignment);
  // Before each call: nothing of the room is taken yet.
  void begin() { used_.store(0, std::memory_order_relaxed); }
  // To write: a frame that this thread wrote, or the next. To read: one that it wrote.
  std::byte* write(std::int64_t n, TapeCursor& cursor, TapeRoom& room);
  std::byte* read(std::int64_t n, TapeCursor& cursor, TapeRoom& room);
  // Null when the segments up to the frame's do not fit into the room, when memory is out, and for
  // a number below 0.
  std::byte* frame(std::int64_t n, TapeRoom& room);

  std::int64_t growths() const { return growths_.load(std::memory_order_relaxed); }
  std::int64_t held_bytes() const { return held_.load(std::memory_order_relaxed); }

 private:
  static constexpr int most_segments = 40;
  bool use(int segments, TapeRoom& room);
  bool link(int segment);

  std::byte* find(std::int64_t n, TapeCursor& cursor, TapeRoom& room);

  std::int64_t stride_ = 0;    // bytes from frame to frame in this call
  std::int64_t capacity_ = 0;  // the stride the segments were made for
  std::array<std::atomic<std::byte*>, most_segments> segments_{};
  std::array<AlignedBytes, most_segments> owned_;
  std::atomic<int> used_{0};  // segments that this call has taken room for
  std::atomic<std::int64_t> growths_{0};
  std::atomic<std::int64_t> held_{0};
  std::mutex growing_;
};

// CallFrame::tapes of one call.
struct TapeSet {
  std::vector<std::unique_ptr<TapeStorage>> tapes;
  TapeRoom room;

  void begin(std::int64_t limit) {
    room.begin(limit);
    for (const auto& tape : tapes) tape->begin();
  }
};

}  // namespace nodec
