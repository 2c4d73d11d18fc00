// What NVRTC, where it is, makes of MNIST's training step: everything in registers.
#include <doctest/doctest.h>

#include "compiler/codegen/cuda/program.h"
#include "compiler/nodec.h"
#include "examples/mnist/model.h"
#include "runtime/cuda/compile.h"
#include "tests/compiler/scheduled.h"
#include "tests/runtime/cuda/nvrtc_here.h"

namespace nodec {

TEST_SUITE_BEGIN("slow");

TEST_CASE("MNIST's training step spills nothing on any GPU") {
  if (testing::nvrtc_here() == nullptr) return;
  const Traced traced = mnist::trace_training({});
  for (const int architecture : {80, 90, 100, 120}) {
    CAPTURE(architecture);
    const DeviceChoice device{DeviceChoice::Kind::Cuda, architecture};
    const testing::Scheduled program(*traced.graph, device);
    const CompiledKernel made =
        compile_kernel({.parts = program.how.parts}, codegen::cuda_text(program.plan, program.how),
                       program.plan.signature.entry, architecture);
    CHECK(made.spill_bytes == 0);
  }
}

TEST_SUITE_END();

}  // namespace nodec
