// Offsets, and the copies themselves.
#include "runtime/cuda/exchange.h"

#include <algorithm>
#include <cstring>

namespace nodec {
namespace {

// Copying twice on the host costs less than another transfer up to about this.
constexpr std::int64_t kLarge = 1 << 20;

}  // namespace

// Where what follows begins.
std::int64_t Exchange::next(std::int64_t at) const {
  return (at + device_->gap() + 255) / 256 * 256;
}

void Exchange::begin(std::int64_t report_bytes, std::int64_t frame_bytes) {
  items_.clear();
  report_bytes_ = report_bytes;
  frame_bytes_ = frame_bytes;
}

std::size_t Exchange::add(Way way, const void* from, void* to, std::int64_t bytes,
                          std::string_view name) {
  items_.push_back({way, from, to, bytes, 0, bytes >= kLarge, name});
  return items_.size() - 1;
}

std::int64_t Exchange::lay(Way way, std::int64_t at) {
  for (Item& item : items_) {
    if (item.way != way || item.large) continue;
    item.at = at;
    at = next(at + item.bytes);
  }
  return at;
}

void Exchange::settle() {
  report_at_ = lay(Way::There, next(frame_bytes_));
  back_at_ = lay(Way::Both, next(report_at_ + report_bytes_));
  small_end_ = lay(Way::Back, back_at_);
  std::int64_t end = small_end_;
  for (Item& item : items_) {
    if (!item.large) continue;
    item.at = end;
    end = next(end + item.bytes);
  }
  buffer_.reserve(end, "a call's arrays of the host");
  mirror_.reserve(small_end_);
  tell_parts();
}

void Exchange::tell_parts() {
  if (device_->gap() == 0) return;  // it does not look
  parts_.clear();
  parts_.push_back({frame_address(), frame_bytes_, "the frame"});
  parts_.push_back({report_address(), report_bytes_, "the report"});
  for (const Item& item : items_) {
    parts_.push_back({buffer_.data() + item.at, item.bytes, item.name});
  }
  device_->divide(buffer_.data(), parts_);
}

void* Exchange::address(std::size_t number) const { return buffer_.data() + items_[number].at; }

void Exchange::send(Device::Stream& stream) {
  for (const Item& item : items_) {
    if (item.from == nullptr || item.bytes == 0) continue;
    if (item.large) {
      device_->copy_in(buffer_.data() + item.at, item.from, item.bytes, stream);
    } else {
      std::memcpy(mirror_.data() + item.at, item.from, std::size_t(item.bytes));
    }
  }
  device_->copy_in(buffer_.data(), mirror_.data(), back_at_, stream);
}

void Exchange::receive(Device::Stream& stream) {
  device_->copy_out(mirror_.data() + report_at_, buffer_.data() + report_at_,
                    small_end_ - report_at_, stream);
}

void Exchange::receive_large(Device::Stream& stream) {
  for (const Item& item : items_) {
    if (item.to == nullptr || !item.large) continue;
    device_->copy_out(item.to, buffer_.data() + item.at, item.bytes, stream);
  }
}

void Exchange::hand_out() const {
  for (const Item& item : items_) {
    if (item.to == nullptr || item.large || item.bytes == 0) continue;
    std::memcpy(item.to, mirror_.data() + item.at, std::size_t(item.bytes));
  }
}

}  // namespace nodec
