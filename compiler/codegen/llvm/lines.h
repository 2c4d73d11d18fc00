// Line tables: which of the user's lines the instructions of a module stand for, as DWARF. A
// function has an entry of its own from its first line on.
#pragma once

#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/DebugLoc.h>
#include <llvm/IR/Function.h>

#include "ir/error.h"

namespace nodec {

class LlvmLines {
 public:
  explicit LlvmLines(llvm::Module& module);
  // Of what this function does for a known line.
  llvm::DebugLoc at(llvm::Function& function, const SourceLine& where);
  void finish();  // the module is complete

 private:
  llvm::DIFile* file(const std::string& path);

  llvm::Module& module_;
  llvm::DIBuilder build_;
  llvm::DICompileUnit* unit_ = nullptr;
};

}  // namespace nodec
