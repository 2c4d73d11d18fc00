// The arrays of the host that one call on a GPU brings and takes. Small ones lie side by side in
// one buffer, so that a call copies once there and once back:
//   [what only goes there][the report][what goes there and back][what only comes back]
// A large one is copied by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/device.h"

namespace nodec {

class Exchange {
 public:
  enum class Way : std::uint8_t { There, Both, Back };

  explicit Exchange(std::shared_ptr<Device> device)
      : device_(std::move(device)), buffer_(device_), mirror_(device_) {}

  // A call's, one after the other: its number is its place in the order they were added. `from`:
  // the host's bytes that go there, or null: the caller fills them (host_bytes). `to`: where they
  // come back to, or null.
  void begin(std::int64_t report_bytes, std::int64_t frame_bytes);
  std::size_t add(Way way, const void* from, void* to, std::int64_t bytes, std::string_view name);
  // All are added: where each lies on the device is known now.
  void settle();
  void* address(std::size_t number) const;
  void* report_address() const { return buffer_.data() + report_at_; }
  void* frame_address() const { return buffer_.data(); }
  std::byte* report() const { return mirror_.data() + report_at_; }  // the host's copies
  std::byte* frame() const { return mirror_.data(); }

  void send(Device::Stream& stream);     // arrays, the report, the frame
  void receive(Device::Stream& stream);  // the report, and small arrays: into the host's copy
  void receive_large(Device::Stream& stream);
  void hand_out() const;  // from the host's copy to the caller's arrays
  std::int64_t bytes() const { return buffer_.bytes(); }

 private:
  struct Item {
    Way way;
    const void* from;
    void* to;
    std::int64_t bytes, at;
    bool large;
    std::string_view name;
  };
  std::int64_t next(std::int64_t at) const;
  std::int64_t lay(Way way, std::int64_t at);
  void tell_parts();

  std::shared_ptr<Device> device_;
  DeviceBytes buffer_;
  HostBytes mirror_;
  std::vector<Item> items_;
  std::int64_t report_at_ = 0, report_bytes_ = 0, frame_bytes_ = 0;
  std::int64_t back_at_ = 0, small_end_ = 0;  // what goes there ends at back_at_
  std::vector<Device::Part> parts_;
};

}  // namespace nodec
