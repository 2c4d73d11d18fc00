// The session's plugins for debuggers and profilers (ir/debug.h), attached when first asked
// for.
#pragma once

#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include "ir/debug.h"

namespace nodec {

class DebugPlugins {
 public:
  DebugPlugins(llvm::orc::ExecutionSession& session, llvm::orc::ObjectLinkingLayer& layer)
      : session_(session), layer_(layer) {}
  // Before a link. Error where perf is asked for and its file cannot be written.
  void attach(const Debug& wanted);

  // Where gdb was told of the object linked last, for `forget` before its code goes; or null.
  const char* told() const { return told_; }
  static void forget(const char* told);

 private:
  class Registrar;
  llvm::orc::ExecutionSession& session_;
  llvm::orc::ObjectLinkingLayer& layer_;
  bool unwinds_ = false, gdb_ = false, perf_ = false;  // attached
  const char* told_ = nullptr;
};

}  // namespace nodec
