// GPUs: CUDA C++ for NVRTC, or for the emulator.
#include "compiler/back_end.h"
#include "compiler/codegen/cuda/program.h"
#include "runtime/cuda/gpu_runner.h"
#include "runtime/emulator/emulated_device.h"

namespace nodec {
namespace {

// Shared memory and threads are bounded by what every architecture since sm_80 has.
plan::Machine gpu_machine() {
  plan::Machine machine;
  machine.name = "cuda";
  machine.gpu = true;
  machine.lanes = 1;
  machine.vector_bytes = 4;
  machine.shared = 96 << 10;
  machine.most_parts = 10;
  return machine;
}

KeyFields gpu_key_fields(const Graph&) { return {}; }

std::string gpu_text(const plan::Plan& plan, const plan::Schedule& how, std::string_view stage) {
  if (stage == "codegen") return codegen::cuda_program(plan, how).text;
  throw Error("an emulated program has no assembly of its own", {}, "dump it after codegen");
}

BackEnd::Code gpu_code(const plan::Plan& plan, const plan::Schedule& how) {
  codegen::CudaProgram program = codegen::cuda_program(plan, how);
  KernelObject object;
  object.launch = program.launch;
  object.text = std::move(program.text);
  return {pack(object), 0};
}

std::shared_ptr<const Executable> load_emulated(const Artifact& artifact) {
  static const std::shared_ptr<Device> device = emulated_device();
  return load_on(device, artifact);
}

}  // namespace

extern const BackEnd emulated_back_end;
const BackEnd emulated_back_end{"cuda-emulated", gpu_machine, gpu_key_fields,
                                gpu_text,        gpu_code,    load_emulated};

}  // namespace nodec
