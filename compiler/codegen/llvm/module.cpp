// The LLVM module of one program, and its translation by LLVM's code generator alone.
#include "compiler/codegen/llvm/module.h"

#include <llvm-c/Core.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>

#include <chrono>
#include <mutex>

#include "compiler/codegen/llvm/emitter.h"
#include "ir/error.h"

namespace nodec {
namespace {

template <class T>
void set_option(const char* name, T value) {
  const auto found = llvm::cl::getRegisteredOptions().find(name);
  if (found == llvm::cl::getRegisteredOptions().end()) return;
  static_cast<llvm::cl::opt<T>*>(found->second)->setValue(value);
}

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    // Our loops are walked by one index with constant strides, which x86 addressing does by itself:
    // strength reduction finds next to nothing there and took 40 % of the compile time. Masks stay
    // where they are made: to look for a better place takes time squared in a block's length.
    set_option("disable-lsr", true);
    set_option("disable-x86-domain-reassignment", true);
    // So does the scheduler, which asks of every two stores of a block whether they may meet, until
    // it has met this many.
    set_option("dag-maps-huge-region", 128u);
    set_option("dag-maps-reduction-size", 64u);
  });
}

std::unique_ptr<llvm::TargetMachine> target_machine(const CpuTarget& target) {
  initialize_llvm();
  const std::string triple = llvm::sys::getProcessTriple();
  std::string problem;
  const llvm::Target* family = llvm::TargetRegistry::lookupTarget(triple, problem);
  NODEC_CHECK(family != nullptr, "LLVM has no target for {}: {}", triple, problem);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.EmitStackSizeSection = true;  // runtime/engine.cpp reads it
  return std::unique_ptr<llvm::TargetMachine>(
      family->createTargetMachine(triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

}  // namespace

struct LlvmModule::Impl {
  Impl(const CpuTarget& cpu, const Debug& debug)
      : target(cpu),
        machine(target_machine(cpu)),
        module("nodec", context),
        emitter(module, cpu, debug) {
    module.setTargetTriple(machine->getTargetTriple().str());
    module.setDataLayout(machine->createDataLayout());
  }

  std::string translate(llvm::CodeGenFileType kind) {
    NODEC_CHECK(!translated, "a module is translated once");
    translated = true;
    const auto start = std::chrono::steady_clock::now();
    llvm::SmallVector<char, 0> bytes;
    llvm::raw_svector_ostream stream(bytes);
    llvm::legacy::PassManager passes;
    const bool refused =
        machine->addPassesToEmitFile(passes, stream, nullptr, kind, /*DisableVerify=*/true);
    NODEC_CHECK(!refused, "LLVM cannot write this kind of file");
    passes.run(module);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    report.codegen_ms = taken.count();
    return {bytes.begin(), bytes.end()};
  }

  CpuTarget target;
  std::unique_ptr<llvm::TargetMachine> machine;
  llvm::LLVMContext context;
  llvm::Module module;
  LlvmEmitter emitter;
  Report report;
  bool translated = false;
};

std::string llvm_version() {
  unsigned major = 0, minor = 0, patch = 0;
  LLVMGetVersion(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

LlvmModule::LlvmModule(const CpuTarget& target, const Debug& debug)
    : impl_(std::make_unique<Impl>(target, debug)) {}
LlvmModule::~LlvmModule() = default;
LlvmModule::LlvmModule(LlvmModule&&) noexcept = default;
LlvmModule& LlvmModule::operator=(LlvmModule&&) noexcept = default;

Emitter& LlvmModule::emitter() { return impl_->emitter; }

void LlvmModule::begin_entry(std::string_view name) { impl_->emitter.begin_entry(name); }

void LlvmModule::end_entry() {
  impl_->emitter.end_function();
  impl_->emitter.finish();
  impl_->report.instructions = impl_->module.getInstructionCount();
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  const bool broken = llvm::verifyModule(impl_->module, &stream);
  NODEC_CHECK(!broken, "the LLVM IR made is not valid: {}", problem);
}

std::string LlvmModule::object() { return impl_->translate(llvm::CodeGenFileType::ObjectFile); }
std::string LlvmModule::assembly() { return impl_->translate(llvm::CodeGenFileType::AssemblyFile); }

std::string LlvmModule::llvm_ir() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  impl_->module.print(stream, nullptr);
  return text;
}

LlvmModule::Report LlvmModule::report() const { return impl_->report; }

}  // namespace nodec
