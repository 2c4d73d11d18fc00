// ORC's plugin for gdb, and what it lacks: an object that is dropped is taken back.
#include "runtime/engine_debug.h"

#include <llvm/ExecutionEngine/JITLink/EHFrameSupport.h>
#include <llvm/ExecutionEngine/Orc/DebugObjectManagerPlugin.h>
#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderGDB.h>

#include "runtime/engine_perf.h"

// gdb's interface: the list of what it was told, and where it stops to look at it. LLVM's.
extern "C" {
extern jit_descriptor __jit_debug_descriptor;
void __jit_debug_register_code();
}

namespace nodec {

namespace orc = llvm::orc;

// Tells gdb as ORC does, and keeps where.
class DebugPlugins::Registrar : public orc::EPCDebugObjectRegistrar {
 public:
  Registrar(orc::ExecutionSession& session, const char*& told)
      : EPCDebugObjectRegistrar(session,
                                orc::ExecutorAddr::fromPtr(&llvm_orc_registerJITLoaderGDBWrapper)),
        told_(told) {}
  llvm::Error registerDebugObject(orc::ExecutorAddrRange object, bool now) override {
    told_ = object.Start.toPtr<const char*>();
    return EPCDebugObjectRegistrar::registerDebugObject(object, now);
  }

 private:
  const char*& told_;
};

void DebugPlugins::attach(const Debug& wanted) {
  told_ = nullptr;
  if (wanted.any() && !unwinds_) {
    layer_.addPlugin(std::make_shared<orc::EHFrameRegistrationPlugin>(
        session_, std::make_unique<llvm::jitlink::InProcessEHFrameRegistrar>()));
    unwinds_ = true;
  }
  if (wanted.names && !gdb_) {
    layer_.addPlugin(std::make_shared<orc::DebugObjectManagerPlugin>(
        session_, std::make_unique<Registrar>(session_, told_), /*RequireDebugSections=*/false,
        /*AutoRegisterCode=*/true));
    gdb_ = true;
  }
  if (wanted.perf && !perf_) {
    attach_perf(session_, layer_);
    perf_ = true;
  }
}

void DebugPlugins::forget(const char* told) {
  jit_descriptor& list = __jit_debug_descriptor;
  jit_code_entry* entry = list.first_entry;
  while (entry != nullptr && entry->symfile_addr != told) entry = entry->next_entry;
  if (told == nullptr || entry == nullptr) return;
  (entry->prev_entry == nullptr ? list.first_entry : entry->prev_entry->next_entry) =
      entry->next_entry;
  if (entry->next_entry != nullptr) entry->next_entry->prev_entry = entry->prev_entry;
  list.relevant_entry = entry;
  list.action_flag = JIT_UNREGISTER_FN;
  __jit_debug_register_code();
  list.relevant_entry = nullptr;
  list.action_flag = JIT_NOACTION;
  delete entry;
}

}  // namespace nodec
