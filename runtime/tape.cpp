// Segments of a tape: allocation, lookup and growth.
#include "runtime/tape.h"

#include <algorithm>
#include <bit>

#include "ir/error.h"

namespace nodec {

void TapeStorage::prepare(std::int64_t frame_bytes) {
  NODEC_CHECK(frame_bytes >= 0, "tape frames of {} bytes", frame_bytes);
  stride_ = aligned(std::max<std::int64_t>(1, frame_bytes));
  if (stride_ > capacity_) {
    for (int k = 0; k < most_segments; ++k) {
      segments_[k].store(nullptr, std::memory_order_relaxed);
      owned_[k].reset();
    }
    held_.store(0, std::memory_order_relaxed);
    capacity_ = stride_;
    NODEC_CHECK(link(0), "no memory for the first frames of a tape");
  }
}

std::byte* TapeStorage::frame(std::int64_t n, std::int64_t limit) {
  NODEC_CHECK(n >= 0, "frame {} of a tape", n);
  const int k = std::bit_width(std::uint64_t(n / first_frames) + 1) - 1;
  const std::int64_t first = first_frames * ((std::int64_t{1} << k) - 1);
  if (limit > 0 && first_frames * ((std::int64_t{2} << k) - 1) * stride_ > limit) return nullptr;
  std::byte* segment = segments_[k].load(std::memory_order_acquire);
  if (segment == nullptr) {
    if (!link(k)) return nullptr;
    segment = segments_[k].load(std::memory_order_relaxed);
  }
  return segment + (n - first) * stride_;
}

bool TapeStorage::link(int k) {
  const std::lock_guard lock(growing_);
  if (owned_[k] != nullptr) return true;  // another thread was first
  const std::int64_t size = (first_frames << k) * capacity_;
  owned_[k] = try_allocate(size);
  if (owned_[k] == nullptr) return false;
  held_.fetch_add(size, std::memory_order_relaxed);
  if (k > 0) growths_.fetch_add(1, std::memory_order_relaxed);
  segments_[k].store(owned_[k].get(), std::memory_order_release);
  return true;
}

}  // namespace nodec
