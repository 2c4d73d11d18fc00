// Segments of a tape: allocation, lookup and growth.
#include "runtime/tape.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "ir/error.h"
#include "runtime/memory.h"

namespace nodec {

namespace {

// The segment that holds frame n, and its first frame.
int segment_of(std::int64_t n) {
  return std::bit_width(std::uint64_t(n / TapeStorage::first_frames) + 1) - 1;
}
std::int64_t first_of(int segment) {
  return TapeStorage::first_frames * ((std::int64_t{1} << segment) - 1);
}

}  // namespace

void TapeStorage::prepare(std::int64_t frame_bytes, std::int64_t alignment) {
  NODEC_CHECK(frame_bytes >= 0, "tape frames of {} bytes", frame_bytes);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() - (alignment - 1);
  stride_ =
      (std::clamp<std::int64_t>(frame_bytes, 1, most) + (alignment - 1)) / alignment * alignment;
  if (stride_ > capacity_) {
    for (int k = 0; k < most_segments; ++k) {
      segments_[k].store(nullptr, std::memory_order_relaxed);
      owned_[k].reset();
    }
    held_.store(0, std::memory_order_relaxed);
    capacity_ = stride_;
    link(0);  // without memory the first frame is refused
  }
}

std::byte* TapeStorage::frame(std::int64_t n, TapeRoom& room) {
  if (n < 0) return nullptr;
  const int k = segment_of(n);
  if (k >= used_.load(std::memory_order_acquire) && !use(k + 1, room)) return room.refuse(n);
  return segments_[k].load(std::memory_order_relaxed) + (n - first_of(k)) * stride_;
}

std::byte* TapeStorage::write(std::int64_t n, TapeCursor& cursor, TapeRoom& room) {
  if (n < 0 || n > cursor.written) return room.miss();
  cursor.written = std::max(cursor.written, n + 1);
  return find(n, cursor, room);
}

std::byte* TapeStorage::read(std::int64_t n, TapeCursor& cursor, TapeRoom& room) {
  return n < 0 || n >= cursor.written ? room.miss() : find(n, cursor, room);
}

std::byte* TapeStorage::find(std::int64_t n, TapeCursor& cursor, TapeRoom& room) {
  std::byte* const found = frame(n, room);
  if (found == nullptr) return nullptr;
  const int k = segment_of(n);
  cursor.first = first_of(k);
  cursor.count = first_frames << k;
  cursor.stride = stride_;
  cursor.base = reinterpret_cast<char*>(found - (n - cursor.first) * stride_);
  return found;
}

// The first so many segments, of which a call takes room for each once.
bool TapeStorage::use(int segments, TapeRoom& room) {
  const std::lock_guard lock(growing_);
  const int used = used_.load(std::memory_order_relaxed);
  if (segments <= used) return true;  // another thread was first
  std::int64_t bytes = 0;
  const std::int64_t frames =
      first_frames *
      ((std::int64_t{1} << std::min(segments, most_segments)) - (std::int64_t{1} << used));
  const bool absurd = segments > most_segments || __builtin_mul_overflow(frames, stride_, &bytes);
  if (absurd) bytes = std::numeric_limits<std::int64_t>::max();
  if (!room.take(bytes)) return false;
  for (int k = used; k < segments; ++k) {
    if (!link(k)) return false;
  }
  used_.store(segments, std::memory_order_release);
  return true;
}

bool TapeStorage::link(int k) {
  if (owned_[k] != nullptr) return true;
  std::int64_t size = 0;
  if (__builtin_mul_overflow(first_frames << k, capacity_, &size)) return false;
  owned_[k] = try_allocate(size);
  if (owned_[k] == nullptr) return false;
  held_.fetch_add(size, std::memory_order_relaxed);
  if (k > 0) growths_.fetch_add(1, std::memory_order_relaxed);
  segments_[k].store(owned_[k].get(), std::memory_order_relaxed);
  return true;
}

void TapeRoom::begin(std::int64_t limit) {
  limit_ = limit > 0 ? limit : machine_memory() / 2;
  taken_ = refused_ = 0;
  refused_frame_ = -1;
  missed_ = false;
}

std::byte* TapeRoom::refuse(std::int64_t frame) {
  std::int64_t none = -1;
  refused_frame_.compare_exchange_strong(none, frame);
  return nullptr;
}

bool TapeRoom::take(std::int64_t bytes) {
  std::int64_t taken = taken_.load();
  do {
    if (bytes > limit_ - taken) {
      const std::int64_t most = std::numeric_limits<std::int64_t>::max() - taken;
      refused_ = std::min(bytes, most);
      return false;
    }
  } while (!taken_.compare_exchange_weak(taken, taken + bytes));
  return true;
}

}  // namespace nodec
