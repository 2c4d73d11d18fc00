// The storage behind nodec_tape_frame: frames of fixed size in segments of doubling length, kept
// from call to call.
//
// Segment k holds 2^k times as many frames as segment 0, so frame n lies in segment
// k = floor(log2(n / first + 1)), frames never move, and growing allocates one segment. Reading is
// one atomic load; linking a segment takes a lock, so any thread may do either.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/aligned.h"

namespace nodec {

class TapeStorage {
 public:
  static constexpr std::int64_t first_frames = 8;

  // Before a call: frames of this size from now on. The first segment is made here; segments too
  // small for it are dropped.
  void prepare(std::int64_t frame_bytes);
  // Null when the segments up to the frame's would take more than `limit` bytes (0: no limit),
  // which depends on the frame's size and number alone, or when memory is out.
  std::byte* frame(std::int64_t n, std::int64_t limit);

  std::int64_t growths() const { return growths_.load(std::memory_order_relaxed); }
  std::int64_t held_bytes() const { return held_.load(std::memory_order_relaxed); }

 private:
  static constexpr int most_segments = 40;
  bool link(int segment);

  std::int64_t stride_ = 0;    // bytes from frame to frame in this call, a multiple of 64
  std::int64_t capacity_ = 0;  // the stride the segments were made for
  std::array<std::atomic<std::byte*>, most_segments> segments_{};
  std::array<AlignedBytes, most_segments> owned_;
  std::atomic<std::int64_t> growths_{0};
  std::atomic<std::int64_t> held_{0};
  std::mutex growing_;
};

// CallFrame::tapes of one call.
struct TapeSet {
  std::vector<std::unique_ptr<TapeStorage>> tapes;
  std::int64_t limit = 0;
};

}  // namespace nodec
