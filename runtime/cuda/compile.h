// A program's text to what an Artifact holds of it.
#pragma once

#include <string>

#include "runtime/cuda/kernel.h"
#include "runtime/cuda/nvrtc.h"

namespace nodec {

// In a hurry where that keeps everything in registers, else with all care; the milliseconds of
// both.
CudaCode compile_text(const Nvrtc& compiler, const std::string& text, const std::string& name,
                      int architecture);

struct CompiledKernel {
  std::string object;  // pack()'s
  // As CudaCode has them; nothing is compiled for the emulated GPU before it is loaded.
  int registers = -1;
  std::int64_t spill_bytes = -1;
  std::string log = {};
};

// With NVRTC for one architecture, and as PTX for newer ones. 0: for the emulated GPU, from the
// text alone.
CompiledKernel compile_kernel(const KernelLaunch& launch, const std::string& text,
                              const std::string& name, int architecture);

}  // namespace nodec
