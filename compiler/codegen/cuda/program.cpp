// The program's text, put together.
#include "compiler/codegen/cuda/program.h"

#include <algorithm>
#include <string_view>

#include "compiler/codegen/cuda/gpu_team.h"
#include "compiler/codegen/walk.h"
#include "ir/debug.h"

namespace nodec {

extern const std::string_view cuda_prologue;  // prologue.cu

namespace codegen {
namespace {

std::string defines(const plan::Plan& plan, const plan::Schedule& how) {
  const Signature& s = plan.signature;
  const auto line = [](std::string_view name, auto n) {
    return fmt::format("#define NODEC_{} {}\n", name, n);
  };
  const auto length = [](std::size_t n) { return std::max<std::size_t>(n, 1); };
  return line("PORTS", length(s.inputs.size() + s.outputs.size())) +
         line("SCRATCH", length(how.scratch.size())) + line("SYMBOLS", length(s.symbols.size())) +
         line("TAPES", length(s.tapes.size())) + line("PARTS", how.parts) +
         line("BLOCK_MEMBERS", 1) + line("SHARED_BYTES", how.shared_bytes) +
         line("ARENA_BYTES", how.arena_bytes);
}

}  // namespace

std::string cuda_text(const plan::Plan& plan, const plan::Schedule& how) {
  CudaEmitter emitter(debug_from_environment().lines);
  GpuTeam team(emitter, how.parts);
  Walker walker(emitter, team, plan, how);
  walker.functions();
  walker.entry();
  const CudaEmitter::Text made = emitter.text();
  return fmt::format("{}{}\n{}\nNODEC_ENTRY({}) {{\n{}}}\n", defines(plan, how), cuda_prologue,
                     made.functions, plan.signature.entry, made.entry);
}

}  // namespace codegen
}  // namespace nodec
