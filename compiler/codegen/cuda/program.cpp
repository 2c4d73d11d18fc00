// The program's text, put together.
#include "compiler/codegen/cuda/program.h"

#include <algorithm>
#include <string_view>

#include "compiler/codegen/cuda/gpu_team.h"
#include "compiler/codegen/walk.h"

namespace nodec {

extern const std::string_view cuda_prologue;  // prologue.cu

namespace codegen {
namespace {

std::string defines(const plan::Plan& plan, const plan::Schedule& how, const KernelLaunch& launch) {
  const Signature& s = plan.signature;
  const auto line = [](std::string_view name, auto n) {
    return fmt::format("#define NODEC_{} {}\n", name, n);
  };
  const auto length = [](std::size_t n) { return std::max<std::size_t>(n, 1); };
  return line("PORTS", length(s.inputs.size() + s.outputs.size())) +
         line("SCRATCH", length(how.scratch.size())) + line("SYMBOLS", length(s.symbols.size())) +
         line("TAPES", length(s.tapes.size())) + line("PARTS", launch.parts) +
         line("BLOCK_MEMBERS", launch.block_members) + line("SHARED_BYTES", launch.shared_bytes) +
         line("ARENA_BYTES", launch.arena_bytes);
}

}  // namespace

CudaProgram cuda_program(const plan::Plan& plan, const plan::Schedule& how) {
  CudaProgram program;
  program.launch.parts = how.parts;
  program.launch.shared_bytes = how.shared_bytes;
  program.launch.team = how.shared || !how.meetings.empty();
  CudaEmitter emitter;
  GpuTeam team(emitter, how.parts);
  Walker walker(emitter, team, plan, how);
  walker.functions();
  walker.entry();
  const CudaEmitter::Text made = emitter.text();
  program.text =
      fmt::format("{}{}\n{}\nNODEC_ENTRY({}) {{\n{}}}\n", defines(plan, how, program.launch),
                  cuda_prologue, made.functions, plan.signature.entry, made.entry);
  return program;
}

}  // namespace codegen
}  // namespace nodec
