// One program on its way to machine code: an LLVM module, the Emitter that fills it, and its
// translation. Absent without NODEC_CPU_JIT.
//
//   LlvmModule module(cpu_target_from_environment());
//   module.begin_entry("train_step");
//   ... module.emitter().store(...) ...
//   module.end_entry();
//   Artifact artifact{module.object(), signature};
//
// No LLVM optimisation pipeline runs: the stock ones were measured to make register-tiled code
// slower and to compile longer; the plan has already decided what they would.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "compiler/codegen/llvm/cpu_target.h"
#include "ir/debug.h"
#include "ir/emitter.h"

namespace nodec {

std::string llvm_version();  // of the library in use; other versions may make other code

class LlvmModule {
 public:
  explicit LlvmModule(const CpuTarget& target, const Debug& debug = {});
  ~LlvmModule();
  LlvmModule(LlvmModule&&) noexcept;
  LlvmModule& operator=(LlvmModule&&) noexcept;

  Emitter& emitter();

  // `void name(CallFrame*, int64_t thread)`, the program's one visible function. What is emitted
  // until end_entry is its body; out-of-line functions may be defined meanwhile.
  void begin_entry(std::string_view name);
  void end_entry();  // also verifies the module

  std::string object();    // an ELF object; may be called once, last
  std::string assembly();  // likewise
  std::string llvm_ir() const;

  struct Report {
    std::int64_t instructions = 0;  // of LLVM IR
    double codegen_ms = 0;          // in object() or assembly()
  };
  Report report() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nodec
