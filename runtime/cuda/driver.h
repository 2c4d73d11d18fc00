// The GPU's driver, opened when it is wanted: $NODEC_CUDA_DRIVER, else libcuda.so.1.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/cuda/driver_api.h"

namespace nodec::cuda {

class Driver {
 public:
  // An Error says why there is none. Opened once in a process and kept, unless NODEC_CUDA_DRIVER
  // names another.
  static std::shared_ptr<const Driver> open();

  const DriverFunctions* operator->() const { return &functions_; }
  int version() const { return version_; }  // 13000 of CUDA 13.0
  int major() const { return version_ / 1000; }
  // "CUDA_ERROR_OUT_OF_MEMORY: out of memory".
  std::string words(Result result) const;

 private:
  Driver() = default;
  void open_from(const std::string& place);

  DriverFunctions functions_;
  int version_ = 0;
};

// Whether the device can be used no more: it has failed, and its memory is lost.
bool is_lost(Result result);

// Why no GPU can be used here, in one line; nothing: one can.
std::optional<std::string> why_no_gpu();

}  // namespace nodec::cuda
