// What NVRTC, where it is, makes of MNIST's training step: everything in registers.
#include <doctest/doctest.h>

#include "compiler/back_end.h"
#include "compiler/codegen/cuda/program.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/outputs_behind_tapes.h"
#include "compiler/nodec.h"
#include "compiler/schedule/schedule.h"
#include "examples/mnist/model.h"
#include "runtime/cuda/compile.h"
#include "tests/runtime/cuda/nvrtc_here.h"

namespace nodec {

TEST_SUITE_BEGIN("slow");

TEST_CASE("MNIST's training step spills nothing on any GPU") {
  if (testing::nvrtc_here() == nullptr) return;
  const Traced traced = mnist::trace_training({});
  plan::Plan plan = lower(*run_until(*traced.graph, graph_stages().back().name));
  lowering::put_outputs_behind_tapes(plan);
  for (const int architecture : {80, 90, 100, 120}) {
    CAPTURE(architecture);
    const DeviceChoice device{DeviceChoice::Kind::Cuda, architecture};
    for (const BackEnd* each : back_ends()) {
      if (!each->serves(device)) continue;
      const plan::Schedule how = plan::schedule(plan, each->machine(device));
      const std::string text = codegen::cuda_text(plan, how);
      const CompiledKernel made =
          compile_kernel({.parts = how.parts}, text, plan.signature.entry, architecture);
      CHECK(made.spill_bytes == 0);
    }
  }
}

TEST_SUITE_END();

}  // namespace nodec
