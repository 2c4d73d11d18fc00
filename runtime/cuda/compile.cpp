// The compiler's results, packed.
#include "runtime/cuda/compile.h"

#include "ir/error.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/nvrtc.h"

namespace nodec {

CompiledKernel compile_kernel(const KernelLaunch& launch, const std::string& text,
                              const std::string& name, int architecture) {
  KernelObject object{launch, architecture, "", "", text};
  if (architecture == 0) return {pack(object)};
  const int most_major = cuda::why_no_gpu() ? 0 : cuda::Driver::open()->major();
  CudaCode code = Nvrtc::open(most_major)->compile(text, name, fmt::format("sm_{}", architecture));
  object.cubin = std::move(code.cubin);
  object.ptx = std::move(code.ptx);
  return {pack(object), code.registers, code.spill_bytes, std::move(code.log)};
}

}  // namespace nodec
