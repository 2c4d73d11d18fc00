// Which processor machine code is made for, and how many lanes a vector has. Absent without
// NODEC_CPU_JIT.
//
// NODEC_CPU narrows the instructions (x86-64, x86-64-v3, x86-64-v4, native) and NODEC_LANES forces
// 16, 8 or 4 lanes whatever the instruction set. Fused multiply-add is required, since programs
// contain it and nothing may split it.
#pragma once

#include <string>
#include <string_view>

namespace nodec {

struct CpuTarget {
  std::string name;      // as asked for: "native", "x86-64-v3", ...
  std::string cpu;       // what the code is scheduled for: decided by the features alone
  std::string features;  // "+avx2,+fma,...", sorted; with `lanes`, all that machine code depends on
  int lanes = 16;
};

// An Error names the feature that is missing. `lanes` 0: 16 where AVX-512 is used, else 8.
CpuTarget cpu_target(std::string_view name, int lanes = 0);
CpuTarget cpu_target_from_environment();  // NODEC_CPU (default native), NODEC_LANES

}  // namespace nodec
