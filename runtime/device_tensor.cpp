// Copies between an array on a device and the host's.
#include "runtime/device_tensor.h"

#include "ir/error.h"

namespace nodec {
namespace {

std::shared_ptr<Device> checked(std::shared_ptr<Device> device) {
  if (device != nullptr) return device;
  throw Error("an array of a device is made without one", {},
              "give a GPU's device, or keep the array as a Tensor of the host");
}

// Its bytes, before they are asked of a device.
std::int64_t bytes_of(const TensorView& host) {
  host.check_size();
  if (!host.lacks_bytes()) return std::int64_t(host.bytes());
  throw Error(
      "an array of the host that is copied from or to a device has no bytes", {},
      "give it bytes: a nodec::Tensor owns as many as its type has, until it is moved from");
}

}  // namespace

DeviceTensor::DeviceTensor(std::shared_ptr<Device> device, Dtype dtype,
                           std::vector<std::int64_t> dims)
    : DeviceTensor(std::move(device), Tensor(dtype, std::move(dims)).view()) {}

DeviceTensor::DeviceTensor(std::shared_ptr<Device> device, const TensorView& host)
    : device_(checked(std::move(device))),
      dtype_(host.dtype),
      dims_(host.dims.begin(), host.dims.end()),
      bytes_(device_) {
  bytes_.reserve(bytes_of(host), "an array");
  assign(host);
}

std::int64_t DeviceTensor::check(const TensorView& host) const {
  if (device_ == nullptr) {
    throw Error("an array of a device is used that was moved from", {}, "use the one it went to");
  }
  if (host.device != nullptr) {
    throw Error(fmt::format("an array of {} is copied from or to one of {}, not of the host",
                            device_->limits().name, host.device->limits().name),
                {}, "copy it to the host first");
  }
  if (host.type() != view().type()) {
    throw Error(fmt::format("an array of {} is {}, and one of the host {}", device_->limits().name,
                            view().type(), host.type()),
                {}, "copy arrays of one type");
  }
  return bytes_of(host);
}

void DeviceTensor::assign(const TensorView& host) {
  const std::int64_t bytes = check(host);
  if (bytes > 0) device_->put(bytes_.data(), host.data, bytes);
}

void DeviceTensor::to_host(const TensorView& host) const {
  const std::int64_t bytes = check(host);
  if (bytes > 0) device_->get(host.data, bytes_.data(), bytes);
}

Tensor DeviceTensor::to_host() const {
  Tensor host(dtype_, dims_);
  to_host(host.view());
  return host;
}

}  // namespace nodec
