// An array that the host and a device use in turn: each has a copy, which is brought up to date
// where it is asked for and not before. What programs of a device share by name stays there so.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/device_tensor.h"

namespace nodec {

// Arrays that went there and came back, for tests and reports.
struct Copies {
  std::int64_t in = 0, out = 0;
};

class ResidentArray {
 public:
  ResidentArray() = default;
  explicit ResidentArray(Tensor host) : host_(std::move(host)) {}

  const Tensor& type() const { return host_; }  // its dtype and dims, not what is in it

  void replace(Tensor host);
  Tensor& write(Copies& copies);             // the host's; a device's is old from now on
  const Tensor& read(Copies& copies) const;  // the host's
  TensorView on(const std::shared_ptr<Device>& device, Copies& copies);
  // To be written without being read: nothing is brought.
  TensorView room_on(const std::shared_ptr<Device>& device);
  Tensor& room_here();
  void was_written_there() { is_here_ = false; }

 private:
  void bring_here(Copies& copies) const;
  bool is_on(const Device* device) const { return there_ != nullptr && holder_.get() == device; }

  mutable Tensor host_;
  std::shared_ptr<Device> holder_;
  std::unique_ptr<DeviceTensor> there_;
  mutable bool is_here_ = true;  // whether the host's copy is up to date, and the device's
  bool is_there_ = false;
};

}  // namespace nodec
