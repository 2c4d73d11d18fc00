// Lengths and limits of tapes on a device.
#include "runtime/cuda/gpu_tapes.h"

#include <algorithm>
#include <limits>

#include "runtime/aligned.h"
#include "runtime/tape.h"

namespace nodec {
namespace {

constexpr int kMostSegments = 40;

}  // namespace

GpuTapes::GpuTapes(std::shared_ptr<Device> device, const Signature& signature) {
  for (const TapeLayout& tape : signature.tapes) {
    tapes_.push_back({DeviceBytes(device), fmt::format("tape '{}'", tape.name)});
  }
}

std::int64_t GpuTapes::frames_of(int segments) {
  return TapeStorage::first_frames * ((std::int64_t{1} << segments) - 1);
}

// What the call's tapes take, were this one so long; saturated.
std::int64_t GpuTapes::bytes_with(std::size_t tape, int segments) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < tapes_.size(); ++i) {
    const std::int64_t frames = frames_of(i == tape ? segments : tapes_[i].segments);
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(frames, tapes_[i].stride, &bytes) ||
        __builtin_add_overflow(sum, bytes, &sum)) {
      return std::numeric_limits<std::int64_t>::max();
    }
  }
  return sum;
}

void GpuTapes::begin(const std::vector<std::int64_t>& frame_bytes, std::int64_t limit) {
  limit_ = limit;
  for (std::size_t i = 0; i < tapes_.size(); ++i) {
    One& tape = tapes_[i];
    tape.stride = aligned(std::max<std::int64_t>(1, frame_bytes[i]));
    while (tape.owned > 0 && frames_of(tape.owned) * tape.stride > tape.memory.bytes())
      --tape.owned;
    tape.segments = tape.owned;
  }
  fresh_ = bytes_with(0, tapes_.empty() ? 0 : tapes_[0].segments) > limit_;
  for (std::size_t i = 0; i < tapes_.size(); ++i) {
    if (fresh_) tapes_[i].segments = 0;
    // The first is worth having: a launch saved.
    if (tapes_[i].segments == 0 && bytes_with(i, 1) <= limit_) lengthen(tapes_[i], 1);
  }
}

void GpuTapes::lengthen(One& tape, int segments) {
  tape.segments = segments;
  if (segments <= tape.owned) return;
  tape.owned = 0;
  tape.memory.reserve(frames_of(segments) * tape.stride, tape.name);
  tape.owned = segments;
  if (segments > 1) ++growths_;
}

bool GpuTapes::grow(std::size_t number, std::int64_t frames) {
  One& tape = tapes_[number];
  int segments = tape.segments + 1;
  while (segments < kMostSegments && frames_of(segments) < frames) ++segments;
  if (const std::int64_t bytes = bytes_with(number, segments);
      bytes > limit_ || segments >= kMostSegments) {
    wanted_ = bytes;
    if (fresh_) return false;
    // What earlier calls left may be more than this one needs: it begins again with nothing.
    fresh_ = true;
    for (One& one : tapes_) one.segments = 0;
    return true;
  }
  lengthen(tape, segments);
  return true;
}

std::int64_t GpuTapes::capacity(std::size_t tape) const { return frames_of(tapes_[tape].segments); }

std::int64_t GpuTapes::bytes() const {
  std::int64_t sum = 0;
  for (const One& tape : tapes_) sum += tape.memory.bytes();
  return sum;
}

}  // namespace nodec
