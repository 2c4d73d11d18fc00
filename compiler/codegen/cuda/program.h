// One program as CUDA C++ (runtime/cuda/README.md is the contract): numbers, the prologue,
// functions, the entry.
#pragma once

#include <string>

#include "ir/schedule.h"

namespace nodec::codegen {

std::string cuda_text(const plan::Plan& plan, const plan::Schedule& how);

}  // namespace nodec::codegen
