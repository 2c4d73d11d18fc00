// What NVRTC makes of the emitter's text, where NVRTC is: what was asked for, and no less.
#include "tests/compiler/codegen/cuda/operations.h"
#include "tests/runtime/cuda/nvrtc_here.h"
#include "tools/ptx_audit.h"

using namespace nodec;
using namespace nodec::testing;

TEST_CASE("NVRTC compiles every operation and expansion to what was asked for, and no less") {
  const auto compiler = nvrtc_here();
  if (compiler == nullptr) return;
  const std::vector<ValueOperation> operations = every_value_operation();
  for (const bool varying : {true, false}) {
    const std::string text =
        program_text({.ports = int(4 + operations.size())}, written(body_of(operations, varying)));
    for (const char* architecture : {"sm_80", "sm_120"}) {
      const CudaCode code = compiler->compile(text, "operations", architecture);
      CHECK(ptx_faults(code.ptx) == "");
      CHECK(code.spill_bytes == 0);
      CHECK(code.ptx.find("0f80000000") != std::string::npos);  // -0
      CHECK(code.ptx.find("0f00000001") != std::string::npos);  // the least subnormal
      CHECK(code.ptx.find("0d0000000000000001") != std::string::npos);
    }
  }
}
