// The tapes of one call on a GPU: each one array of frames, made longer between launches. How long
// one may be, and when it is full, follows the processor's tapes (runtime/tape.h): 8 frames, 24,
// 56, ..., and of a call's limit only what that call needs counts.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/abi.h"
#include "runtime/device.h"

namespace nodec {

class GpuTapes {
 public:
  GpuTapes(std::shared_ptr<Device> device, const Signature& signature);

  // Before a call: the size of each tape's frames, and what all may take together.
  void begin(const std::vector<std::int64_t>& frame_bytes, std::int64_t limit);
  // After a launch that found a tape full: whether there is more now, for another launch.
  bool grow(std::size_t tape, std::int64_t frames);

  std::byte* base(std::size_t tape) const { return tapes_[tape].memory.data(); }
  std::int64_t stride(std::size_t tape) const { return tapes_[tape].stride; }
  std::int64_t capacity(std::size_t tape) const;  // frames
  std::size_t count() const { return tapes_.size(); }

  std::int64_t wanted() const { return wanted_; }  // bytes, of a call that was refused
  std::int64_t limit() const { return limit_; }
  std::int64_t growths() const { return growths_; }
  std::int64_t bytes() const;

 private:
  struct One {
    DeviceBytes memory;
    std::string name;
    std::int64_t stride = 64;
    int segments = 0;  // of the present call
    int owned = 0;     // that there is memory for
  };
  static std::int64_t frames_of(int segments);
  void lengthen(One& tape, int segments);
  std::int64_t bytes_with(std::size_t tape, int segments) const;

  std::vector<One> tapes_;
  std::int64_t limit_ = 0, wanted_ = 0, growths_ = 0;
  bool fresh_ = false;  // the present call began with nothing
};

}  // namespace nodec
