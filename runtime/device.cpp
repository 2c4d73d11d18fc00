// Copies that wait, and memory with a holder.
#include "runtime/device.h"

namespace nodec {

void Device::put(void* to, const void* from, std::int64_t bytes) {
  const std::lock_guard lock(copying_);
  if (copies_ == nullptr) copies_ = stream();
  copy_in(to, from, bytes, *copies_);
  synchronize(*copies_);
}

void Device::get(void* to, const void* from, std::int64_t bytes) {
  const std::lock_guard lock(copying_);
  if (copies_ == nullptr) copies_ = stream();
  copy_out(to, from, bytes, *copies_);
  synchronize(*copies_);
}

bool DeviceBytes::reserve(std::int64_t bytes, std::string_view what, bool exact) {
  if (data_ != nullptr && (exact ? bytes == bytes_ : bytes <= bytes_)) return false;
  device_->free(std::exchange(data_, nullptr));
  bytes_ = 0;
  data_ = device_->allocate(bytes, what);
  bytes_ = bytes;
  return true;
}

void HostBytes::reserve(std::int64_t bytes) {
  if (data_ != nullptr && bytes <= bytes_) return;
  device_->free_host(std::exchange(data_, nullptr));
  bytes_ = 0;
  data_ = device_->allocate_host(bytes);
  bytes_ = bytes;
}

}  // namespace nodec
