// An array that the host and a device use in turn: each has a copy, which is brought up to date
// where it is asked for and not before. What programs of a device share by name stays there so.
// Until a call that was given room tells that it wrote there, the array is what it was.
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
  // The device's, to be read and perhaps overwritten. A host's array without bytes is given as it
  // is, for the program to refuse.
  TensorView on(const std::shared_ptr<Device>& device, Copies& copies);
  // To be written without being read: nothing is brought, and what is up to date is not touched.
  TensorView room_on(const std::shared_ptr<Device>& device);
  TensorView room_here() const { return host_.view(); }
  // A call wrote the array that it was given here.
  void was_written(const TensorView& at);
  // A call that may have overwritten the device's copy failed: the host's counts where it is good.
  void may_be_spoilt_there() { is_there_ = is_there_ && !is_here_; }

 private:
  using There = std::unique_ptr<DeviceTensor>;

  void bring_here(Copies& copies) const;
  bool is_like_host(const There& array) const;  // of its type; else the host's was replaced
  bool fits(const There& array, const Device* device) const;

  mutable Tensor host_;
  There there_;
  There spare_;                  // where a call writes while `there_` alone is up to date
  mutable bool is_here_ = true;  // whether the host's copy is up to date, and the device's
  bool is_there_ = false;
};

}  // namespace nodec
