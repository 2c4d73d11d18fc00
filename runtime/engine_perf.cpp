// ORC's plugin for perf, and what LLVM 19's lacks for perf to read what it writes.
#include "runtime/engine_perf.h"

#include <fcntl.h>
#include <llvm/ExecutionEngine/Orc/Debugging/DebugInfoSupport.h>
#include <llvm/ExecutionEngine/Orc/Debugging/PerfSupportPlugin.h>
#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderPerf.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "ir/error.h"

namespace nodec {

namespace orc = llvm::orc;

namespace {

// The jitdump that this process has mapped, which is how perf finds it; or nothing.
std::string mapped_dump() {
  const std::string name = fmt::format("/jit-{}.dump", getpid());
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(name)) return line.substr(line.find('/'));
  }
  return {};
}

using WriteRecords =
    orc::shared::WrapperFunction<orc::shared::SPSError(orc::shared::SPSPerfJITRecordBatch)>;

// perf takes a function's lines to stand right before it, where LLVM 19 writes all lines before all
// functions: so it is given one function at a time.
llvm::Error write_one_by_one(const orc::PerfJITRecordBatch& all) {
  const auto llvms = [](const char* bytes, std::size_t size) {
    return orc::shared::WrapperFunctionResult(llvm_orc_registerJITLoaderPerfImpl(bytes, size));
  };
  for (const orc::PerfJITCodeLoadRecord& function : all.CodeLoadRecords) {
    orc::PerfJITRecordBatch one;
    one.CodeLoadRecords = {function};
    for (const orc::PerfJITDebugInfoRecord& lines : all.DebugInfoRecords) {
      if (lines.CodeAddr == function.CodeAddr) one.DebugInfoRecords = {lines};
    }
    one.UnwindingRecord = all.UnwindingRecord;
    llvm::Error refused = llvm::Error::success();
    if (auto error = WriteRecords::call(llvms, refused, one)) {
      llvm::consumeError(std::move(refused));
      return error;
    }
    if (refused) return refused;
  }
  return llvm::Error::success();
}

// LLVM 19 leaves the flags in the dump's head as they were in memory, which perf refuses.
bool clear_flags(const std::string& dump) {
  constexpr off_t kFlags = 32;
  constexpr std::uint64_t kNone = 0;
  const int file = open(dump.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool cleared = pwrite(file, &kNone, sizeof kNone, kFlags) == sizeof kNone;
  close(file);
  return cleared;
}

orc::shared::CWrapperFunctionResult write_records(const char* bytes, std::size_t size) {
  auto written = WriteRecords::handle(bytes, size, write_one_by_one);
  // The head is in the file from the first records on.
  [[maybe_unused]] static const bool cleared = clear_flags(mapped_dump());
  return written.release();
}

// Keeps what a link prunes: line tables, and the names of functions that only others of the object
// call.
llvm::Error keep_functions(llvm::jitlink::LinkGraph& graph) {
  for (llvm::jitlink::Symbol* symbol : graph.defined_symbols()) {
    if (symbol->hasName() && symbol->isCallable()) symbol->setLive(true);
  }
  return llvm::Error::success();
}

class KeepForPerf : public orc::DebugInfoPreservationPlugin {
  void modifyPassConfig(orc::MaterializationResponsibility& made, llvm::jitlink::LinkGraph& object,
                        llvm::jitlink::PassConfiguration& passes) override {
    DebugInfoPreservationPlugin::modifyPassConfig(made, object, passes);
    passes.PrePrunePasses.push_back(keep_functions);
  }
};

}  // namespace

void attach_perf(orc::ExecutionSession& session, orc::ObjectLinkingLayer& layer) {
  const auto at = [](auto* routine) { return orc::ExecutorAddr::fromPtr(routine); };
  auto perf = std::make_shared<orc::PerfSupportPlugin>(
      session.getExecutorProcessControl(), at(&llvm_orc_registerJITLoaderPerfStart),
      at(&llvm_orc_registerJITLoaderPerfEnd), at(&write_records),
      /*EmitDebugInfo=*/true, /*EmitUnwindInfo=*/false);
  if (mapped_dump().empty()) {
    throw Error("NODEC_DEBUG=perf: the file for perf cannot be written", {},
                "set JITDUMPDIR to a folder that can be written, in place of the home folder");
  }
  layer.addPlugin(std::make_shared<KeepForPerf>());
  layer.addPlugin(std::move(perf));
}

}  // namespace nodec
