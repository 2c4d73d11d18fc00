// GPUs: CUDA C++, for NVRTC or for the emulated one.
#include "compiler/back_end.h"
#include "compiler/codegen/cuda/program.h"
#include "ir/debug.h"
#include "runtime/cuda/compile.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/gpu_runner.h"
#include "runtime/cuda/nvrtc.h"

namespace nodec {
namespace {

// A member's own are bounded by what every architecture from sm_80 on has, arenas by what any has:
// the host puts them into global memory elsewhere.
plan::Machine gpu_machine(const DeviceChoice& device) {
  plan::Machine machine;
  machine.name = device_words(device);
  machine.gpu = machine.restarts = true;
  machine.lanes = 1;
  machine.vector_bytes = 4;
  machine.shared = 96 << 10;
  machine.block_shared = 227 << 10;
  machine.most_threads = 320;
  machine.most_cluster = 8;
  return machine;
}

int newest_major() { return cuda::why_no_gpu() ? 0 : cuda::Driver::open()->major(); }

KeyFields gpu_key_fields(const Graph&, const DeviceChoice& device) {
  const std::string debug = debug_from_environment().lines ? "lines" : "";
  if (device.kind == DeviceChoice::Kind::Emulated) return {{"debug", debug}};
  return {{"debug", debug},
          {"architecture", std::to_string(architecture_for(device))},
          {"NVRTC", Nvrtc::identity(newest_major())}};
}

KernelLaunch launch_of(const plan::Schedule& how) {
  KernelLaunch launch;
  launch.parts = how.parts;
  launch.shared_bytes = how.shared_bytes;
  launch.arena_bytes = how.arena_bytes;
  launch.dense_members = how.dense_members;
  launch.team = how.shared || !how.meetings.empty();
  return launch;
}

CompiledKernel compiled_for(const plan::Plan& plan, const plan::Schedule& how,
                            const DeviceChoice& device) {
  const int architecture =
      device.kind == DeviceChoice::Kind::Emulated ? 0 : architecture_for(device);
  return compile_kernel(launch_of(how), codegen::cuda_text(plan, how), plan.signature.entry,
                        architecture);
}

std::string gpu_text(const plan::Plan& plan, const plan::Schedule& how, std::string_view stage,
                     const DeviceChoice& device) {
  if (stage == "codegen") return codegen::cuda_text(plan, how);
  if (device.kind == DeviceChoice::Kind::Emulated) {
    throw Error("an emulated GPU has no assembly of its own", {}, "dump --after codegen");
  }
  return unpack(compiled_for(plan, how, device).object).ptx;
}

BackEnd::Code gpu_code(const plan::Plan& plan, const plan::Schedule& how,
                       const DeviceChoice& device) {
  return {compiled_for(plan, how, device).object, 0};
}

bool is_gpu(const DeviceChoice& device) { return device.kind != DeviceChoice::Kind::Cpu; }

std::shared_ptr<const Executable> load_on_gpu(const Artifact& artifact,
                                              const DeviceChoice& device) {
  return load_on(device_for(device), artifact);
}

}  // namespace

extern const BackEnd cuda_back_end;
const BackEnd cuda_back_end{"a GPU",  is_gpu,   gpu_machine, gpu_key_fields,
                            gpu_text, gpu_code, load_on_gpu};

}  // namespace nodec
