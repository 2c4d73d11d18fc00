// The compiler's results, packed.
#include "runtime/cuda/compile.h"

#include "ir/debug.h"
#include "ir/error.h"
#include "runtime/cuda/driver.h"

namespace nodec {

// In a hurry it takes two thirds of the time, for a third more PTX, generic loads among it. Calls
// on sm_80 always save registers in memory then.
CudaCode compile_text(const Nvrtc& compiler, const std::string& text, const std::string& name,
                      int architecture) {
  const std::string target = fmt::format("sm_{}", architecture);
  std::vector<std::string> options;
  if (debug_from_environment().lines) options.emplace_back("--generate-line-info");
  double milliseconds = 0;
  if (compiler.major() >= 13 && architecture >= 90) {
    options.emplace_back("--Ofast-compile=mid");
    CudaCode code = compiler.compile(text, name, target, options);
    if (code.spill_bytes <= 0) return code;
    milliseconds = code.milliseconds;
    options.pop_back();
  }
  CudaCode code = compiler.compile(text, name, target, options);
  code.milliseconds += milliseconds;
  return code;
}

CompiledKernel compile_kernel(const KernelLaunch& launch, const std::string& text,
                              const std::string& name, int architecture) {
  KernelObject object{launch, architecture, "", "", text};
  if (architecture == 0) return {pack(object)};
  const int most_major = cuda::why_no_gpu() ? 0 : cuda::Driver::open()->major();
  CudaCode code = compile_text(*Nvrtc::open(most_major), text, name, architecture);
  object.cubin = std::move(code.cubin);
  object.ptx = std::move(code.ptx);
  return {pack(object), code.registers, code.spill_bytes, std::move(code.log)};
}

}  // namespace nodec
