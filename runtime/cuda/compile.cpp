// The compiler's results, packed.
#include "runtime/cuda/compile.h"

#include "ir/debug.h"
#include "ir/error.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/nvrtc.h"

namespace nodec {

namespace {

// In a hurry: two thirds of the time, for a third more PTX, generic loads among it. Where that does
// not keep everything in registers, as calls on sm_80 do not, with all care.
CudaCode compiled(const Nvrtc& compiler, const std::string& text, const std::string& name,
                  int architecture) {
  const std::string target = fmt::format("sm_{}", architecture);
  std::vector<std::string> options;
  if (debug_from_environment().lines) options.emplace_back("--generate-line-info");
  if (compiler.major() >= 13 && architecture >= 90) {
    options.emplace_back("--Ofast-compile=mid");
    CudaCode code = compiler.compile(text, name, target, options);
    if (code.spill_bytes <= 0) return code;
    options.pop_back();
  }
  return compiler.compile(text, name, target, options);
}

}  // namespace

CompiledKernel compile_kernel(const KernelLaunch& launch, const std::string& text,
                              const std::string& name, int architecture) {
  KernelObject object{launch, architecture, "", "", text};
  if (architecture == 0) return {pack(object)};
  const int most_major = cuda::why_no_gpu() ? 0 : cuda::Driver::open()->major();
  CudaCode code = compiled(*Nvrtc::open(most_major), text, name, architecture);
  object.cubin = std::move(code.cubin);
  object.ptx = std::move(code.ptx);
  return {pack(object), code.registers, code.spill_bytes, std::move(code.log)};
}

}  // namespace nodec
