// One program as CUDA C++ (runtime/cuda/README.md is the contract): numbers, the prologue,
// functions, the entry; and what its host must know to launch it.
#pragma once

#include <string>

#include "ir/schedule.h"
#include "runtime/cuda/kernel.h"

namespace nodec::codegen {

struct CudaProgram {
  std::string text;
  KernelLaunch launch;
};

CudaProgram cuda_program(const plan::Plan& plan, const plan::Schedule& how);

}  // namespace nodec::codegen
