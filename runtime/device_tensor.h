// An array in the memory of a GPU, which a program there takes as it is: parameters and data that
// stay on the device from call to call.
#pragma once

#include <memory>
#include <vector>

#include "runtime/device.h"
#include "runtime/tensor.h"

namespace nodec {

// One that was moved from has no array: an Error wherever it is used.
class DeviceTensor {
 public:
  // Zeros. An Error where there is no device: null stands for the processor elsewhere.
  DeviceTensor(std::shared_ptr<Device> device, Dtype dtype, std::vector<std::int64_t> dims);
  // A copy of an array of the host.
  DeviceTensor(std::shared_ptr<Device> device, const TensorView& host);

  // Of the same type; an Error where it is not, or where the array is not the host's.
  void assign(const TensorView& host);
  Tensor to_host() const;
  void to_host(const TensorView& host) const;

  Dtype dtype() const { return dtype_; }
  const std::vector<std::int64_t>& dims() const { return dims_; }
  TensorView view() const { return {dtype_, dims_, bytes_.data(), device_.get()}; }
  operator TensorView() const { return view(); }  // NOLINT(google-explicit-constructor)

 private:
  std::int64_t check(const TensorView& host) const;  // its bytes

  std::shared_ptr<Device> device_;
  Dtype dtype_;
  std::vector<std::int64_t> dims_;
  DeviceBytes bytes_;
};

}  // namespace nodec
