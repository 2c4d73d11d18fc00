// Functions and lines of the process's programs for perf: a file (jitdump) that perf finds because
// it is mapped, and `perf inject --jit` reads.
#pragma once

#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

namespace nodec {

// Once. Error where the file cannot be written.
void attach_perf(llvm::orc::ExecutionSession& session, llvm::orc::ObjectLinkingLayer& layer);

}  // namespace nodec
