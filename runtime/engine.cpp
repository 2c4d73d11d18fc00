// Links object bytes with LLVM's JITLink, directly: one object, one graph, no symbol tables shared
// between programs, no threads, nothing of the host process visible to compiled code except the
// runtime's own routines.
#include "runtime/engine.h"

#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/DataExtractor.h>
#include <llvm/Support/MemoryBuffer.h>

#include "ir/error.h"
#include "runtime/frame.h"

namespace nodec {
namespace {

namespace jit = llvm::jitlink;
using llvm::orc::ExecutorAddr;

// Linked code: the memory it lies in, given back at the end.
struct LinkedCode {
  explicit LinkedCode(std::unique_ptr<jit::JITLinkMemoryManager> manager)
      : memory(std::move(manager)) {}
  ~LinkedCode() {
    if (allocation) llvm::cantFail(memory->deallocate(std::move(allocation)));
  }
  std::unique_ptr<jit::JITLinkMemoryManager> memory;
  jit::JITLinkMemoryManager::FinalizedAlloc allocation;
  void* entry = nullptr;
  std::string failure;
};

class LinkContext : public jit::JITLinkContext {
 public:
  LinkContext(LinkedCode& code, std::string entry)
      : jit::JITLinkContext(nullptr), code_(code), entry_(std::move(entry)) {}

  jit::JITLinkMemoryManager& getMemoryManager() override { return *code_.memory; }

  void notifyFailed(llvm::Error error) override {
    code_.failure = llvm::toString(std::move(error));
  }

  void lookup(const LookupMap& symbols,
              std::unique_ptr<jit::JITLinkAsyncLookupContinuation> resume) override {
    jit::AsyncLookupResult found;
    std::vector<std::string> unknown;
    for (const auto& wanted : symbols) {
      const std::string_view symbol(wanted.first.data(), wanted.first.size());
      void* address = nullptr;
      for (const Routine& routine : runtime_routines()) {
        if (routine.name == symbol) address = routine.address;
      }
      if (address == nullptr) unknown.emplace_back(symbol);
      found[wanted.first] = {ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
    }
    if (!unknown.empty()) {
      return resume->run(llvm::make_error<llvm::StringError>(
          fmt::format("it calls {}, which the runtime does not have", fmt::join(unknown, ", ")),
          llvm::inconvertibleErrorCode()));
    }
    resume->run(std::move(found));
  }

  llvm::Error notifyResolved(jit::LinkGraph& graph) override {
    for (const jit::Symbol* symbol : graph.defined_symbols()) {
      if (symbol->hasName() && symbol->getName() == llvm::StringRef(entry_)) {
        code_.entry = symbol->getAddress().toPtr<void*>();
      }
    }
    return llvm::Error::success();
  }

  void notifyFinalized(jit::JITLinkMemoryManager::FinalizedAlloc allocation) override {
    code_.allocation = std::move(allocation);
  }

 private:
  LinkedCode& code_;
  std::string entry_;
};

[[noreturn]] void refuse(const Artifact& artifact, const std::string& why) {
  throw Error(fmt::format("the object of '{}' cannot be linked: {}", artifact.signature.name, why));
}

template <typename T>
T checked(llvm::Expected<T> expected, const Artifact& artifact) {
  if (!expected) refuse(artifact, llvm::toString(expected.takeError()));
  return std::move(*expected);
}

}  // namespace

namespace {

// What the code needs of a stack: its functions' frames, of which each is there once at most. The
// section lists them, as eight bytes of an address and the size in LEB128.
std::int64_t stack_bytes(const llvm::MemoryBufferRef& object, const Artifact& artifact) {
  const auto file = checked(llvm::object::ObjectFile::createObjectFile(object), artifact);
  std::int64_t bytes = 0;
  for (const llvm::object::SectionRef& section : file->sections()) {
    if (checked(section.getName(), artifact) != ".stack_sizes") continue;
    llvm::DataExtractor sizes(checked(section.getContents(), artifact), true, 8);
    llvm::DataExtractor::Cursor at(0);
    while (at && !sizes.eof(at)) {
      sizes.skip(at, 8);
      bytes += std::int64_t(sizes.getULEB128(at));
    }
    if (auto malformed = at.takeError()) refuse(artifact, llvm::toString(std::move(malformed)));
  }
  return bytes;
}

}  // namespace

std::shared_ptr<const Executable> load(const Artifact& artifact) {
  const llvm::MemoryBufferRef bytes(artifact.object, artifact.signature.entry);
  auto graph = checked(jit::createLinkGraphFromObject(bytes), artifact);
  auto code =
      std::make_shared<LinkedCode>(checked(jit::InProcessMemoryManager::Create(), artifact));
  jit::link(std::move(graph), std::make_unique<LinkContext>(*code, artifact.signature.entry));
  if (!code->failure.empty()) refuse(artifact, code->failure);
  if (code->entry == nullptr) refuse(artifact, "it does not define that function");
  const auto entry = reinterpret_cast<EntryFunction>(code->entry);
  return std::make_shared<Executable>(entry, artifact.signature, std::move(code),
                                      stack_bytes(bytes, artifact));
}

}  // namespace nodec
