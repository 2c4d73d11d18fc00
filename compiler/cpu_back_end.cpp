// The host's processor through LLVM. Absent without NODEC_CPU_JIT.
#include "compiler/back_end.h"
#include "compiler/codegen/llvm/cpu_target.h"
#include "compiler/codegen/llvm/cpu_team.h"
#include "compiler/codegen/llvm/module.h"
#include "compiler/codegen/walk.h"
#include "ir/debug.h"
#include "ir/print.h"
#include "runtime/engine.h"

namespace nodec {
namespace {

plan::Machine machine(const DeviceChoice&) {
  const CpuTarget target = cpu_target_from_environment();
  plan::Machine machine;
  machine.name = target.name;
  machine.lanes = target.lanes;
  machine.vector_registers = target.lanes == 16 ? 32 : 16;
  machine.vector_bytes = 4 * target.lanes;
  return machine;
}

KeyFields key_fields(const Graph& graph, const DeviceChoice&) {
  const CpuTarget target = cpu_target_from_environment();
  const Debug debug = debug_from_environment();
  return {{"debug", debug.str()},
          {"lines", debug.lines ? print(graph, {.locations = true}) : ""},
          {"processor", target.cpu},
          {"features", target.features},
          {"lanes", std::to_string(target.lanes)},
          {"LLVM", llvm_version()}};
}

LlvmModule module_of(const plan::Plan& plan, const plan::Schedule& how) {
  LlvmModule module(cpu_target_from_environment(), debug_from_environment());
  codegen::CpuTeam team(module.emitter());
  codegen::Walker walker(module.emitter(), team, plan, how);
  walker.functions();
  module.begin_entry(plan.signature.entry);
  walker.entry();
  module.end_entry();
  return module;
}

std::string text(const plan::Plan& plan, const plan::Schedule& how, std::string_view stage,
                 const DeviceChoice&) {
  LlvmModule module = module_of(plan, how);
  return stage == "codegen" ? module.llvm_ir() : module.assembly();
}

BackEnd::Code code(const plan::Plan& plan, const plan::Schedule& how, const DeviceChoice&) {
  LlvmModule module = module_of(plan, how);
  return {module.object(), module.report().instructions};
}

bool is_cpu(const DeviceChoice& device) { return device.kind == DeviceChoice::Kind::Cpu; }

std::shared_ptr<const Executable> load_here(const Artifact& artifact, const DeviceChoice&) {
  return load(artifact);
}

}  // namespace

extern const BackEnd cpu_back_end;
const BackEnd cpu_back_end{"the processor", is_cpu, machine, key_fields, text, code, load_here};

}  // namespace nodec
