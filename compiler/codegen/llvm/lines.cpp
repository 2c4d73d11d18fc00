// The user's lines in LLVM's metadata.
#include "compiler/codegen/llvm/lines.h"

#include <llvm/BinaryFormat/Dwarf.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/Path.h>

namespace nodec {

LlvmLines::LlvmLines(llvm::Module& module) : module_(module), build_(module) {
  module.addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
  module.addModuleFlag(llvm::Module::Warning, "Dwarf Version", 4);
}

llvm::DIFile* LlvmLines::file(const std::string& path) {
  return build_.createFile(llvm::sys::path::filename(path), llvm::sys::path::parent_path(path));
}

llvm::DebugLoc LlvmLines::at(llvm::Function& function, const SourceLine& where) {
  llvm::DIFile* in = file(where.file);
  const auto line = unsigned(where.line);
  if (unit_ == nullptr) {
    unit_ = build_.createCompileUnit(llvm::dwarf::DW_LANG_C_plus_plus, in, "nodec", true, "", 0);
  }
  if (function.getSubprogram() == nullptr) {
    llvm::DISubroutineType* type =
        build_.createSubroutineType(build_.getOrCreateTypeArray({nullptr}));
    function.setSubprogram(build_.createFunction(
        in, function.getName(), {}, in, line, type, line, llvm::DINode::FlagZero,
        llvm::DISubprogram::SPFlagDefinition | llvm::DISubprogram::SPFlagOptimized));
  }
  llvm::DILocalScope* scope = function.getSubprogram();
  if (scope->getFile() != in) scope = build_.createLexicalBlockFile(scope, in);
  return llvm::DILocation::get(module_.getContext(), line, 0, scope);
}

// LLVM wants a line of every call in a function that has any.
void LlvmLines::finish() {
  for (llvm::Function& function : module_) {
    llvm::DISubprogram* own = function.getSubprogram();
    if (own == nullptr) continue;
    for (llvm::BasicBlock& block : function) {
      for (llvm::Instruction& one : block) {
        if (llvm::isa<llvm::CallBase>(one) && !one.getDebugLoc()) {
          one.setDebugLoc(llvm::DILocation::get(module_.getContext(), 0, 0, own));
        }
      }
    }
  }
  build_.finalize();
}

}  // namespace nodec
