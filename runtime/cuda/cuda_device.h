// A real GPU behind Device.
#pragma once

#include <memory>

#include "runtime/device.h"

namespace nodec {

// The GPU of this number, made at first use and kept for the process. An Error says why there is
// none.
std::shared_ptr<Device> cuda_device(int number = 0);

}  // namespace nodec
