// Tables that stay on a device for as long as somebody holds them, so that a batch brings its rows
// and no samples.
#pragma once

#include <memory>
#include <vector>

#include "compiler/train/loader.h"
#include "runtime/device_tensor.h"

namespace nodec::nn {

class DeviceTables {
 public:
  struct Views {
    TensorView x, y;  // no y: empty
  };
  // Where a program of the device finds them; null: the processor, which takes the host's.
  Views views(const std::shared_ptr<const Tables>& tables, const std::shared_ptr<Device>& device);
  std::int64_t copied_in() const { return copied_in_; }  // arrays

 private:
  struct Held {
    std::weak_ptr<const Tables> tables;
    std::shared_ptr<Device> device;
    std::unique_ptr<DeviceTensor> x, y;
  };
  std::vector<Held> held_;
  std::int64_t copied_in_ = 0;
};

}  // namespace nodec::nn
