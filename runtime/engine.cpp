// Links object bytes through LLVM's ORC: one session for the process, one library for each program,
// no threads, nothing of the host process visible to compiled code except the runtime's own
// routines.
#include "runtime/engine.h"

#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/DataExtractor.h>
#include <llvm/Support/MemoryBuffer.h>
#include <pthread.h>

#include <mutex>

#include "ir/error.h"
#include "runtime/engine_debug.h"
#include "runtime/frame.h"

namespace nodec {
namespace {

namespace orc = llvm::orc;

// What ORC was told went wrong, in words. A symbol is only looked for when code calls it.
std::string words(llvm::Error error) {
  std::string text;
  const auto unknown = [&](const orc::SymbolsNotFound& not_found) {
    std::vector<std::string> names;
    for (const auto& symbol : not_found.getSymbols()) names.push_back((*symbol).str());
    text = fmt::format("it calls {}, which the runtime does not have", fmt::join(names, ", "));
  };
  llvm::Error others = llvm::handleErrors(std::move(error), unknown);
  if (others) text = llvm::toString(std::move(others));
  return text;
}

// The process's session: one library with the runtime's routines, one for each program.
struct Session {
  Session();

  orc::ExecutionSession execution;
  orc::ObjectLinkingLayer layer{execution};
  DebugPlugins plugins{execution, layer};
  orc::JITDylib& runtime{execution.createBareJITDylib("runtime")};
  std::int64_t libraries = 0;  // made so far; numbers tell programs of one name apart
  std::string failure;         // the first of the link that is on
};

// Links and removals take turns, each within a millisecond. A fork waits for the one that is on:
// the child goes on with the session.
std::mutex turn;
[[maybe_unused]] const int forks_wait =
    pthread_atfork([] { turn.lock(); }, [] { turn.unlock(); }, [] { turn.unlock(); });

// Whoever asks has the turn. Made at first use and never destroyed: programs may be dropped while
// the process ends.
Session& session() {
  static Session* made = nullptr;
  if (made == nullptr) made = new Session;
  return *made;
}

Session::Session()
    : execution(llvm::cantFail(orc::SelfExecutorProcessControl::Create(
          nullptr, std::make_unique<orc::InPlaceTaskDispatcher>()))) {
  execution.setErrorReporter([this](llvm::Error error) {
    std::string why = words(std::move(error));
    if (failure.empty()) failure = std::move(why);
  });
  orc::SymbolMap routines;
  for (const Routine& routine : runtime_routines()) {
    routines[execution.intern(llvm::StringRef(routine.name))] = {
        orc::ExecutorAddr::fromPtr(routine.address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  }
  llvm::cantFail(runtime.define(orc::absoluteSymbols(std::move(routines))));
}

[[noreturn]] void refuse(const Artifact& artifact, const std::string& why) {
  throw Error(fmt::format("the object of '{}' cannot be linked: {}", artifact.signature.name, why));
}

template <typename T>
T checked(llvm::Expected<T> expected, const Artifact& artifact) {
  if (!expected) refuse(artifact, llvm::toString(expected.takeError()));
  return std::move(*expected);
}

// A program's code, as a library of its own; the memory is given back with it.
class Library {
 public:
  explicit Library(const Artifact& artifact) {
    const Debug debug = debug_from_environment();
    const std::lock_guard lock(turn);
    Session& s = session();
    s.plugins.attach(debug);
    library_ = &s.execution.createBareJITDylib(
        fmt::format("{}.{}", artifact.signature.name, ++s.libraries));
    library_->addToLinkOrder(s.runtime);
    s.failure.clear();
    const std::string why = link(s, artifact);
    told_ = s.plugins.told();
    if (why.empty()) return;
    remove(s);
    refuse(artifact, why);
  }
  ~Library() {
    const std::lock_guard lock(turn);
    remove(session());
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  EntryFunction entry() const { return entry_; }

 private:
  // Why it cannot be linked, or nothing.
  std::string link(Session& s, const Artifact& artifact) {
    const std::string& entry = artifact.signature.entry;
    auto bytes = llvm::MemoryBuffer::getMemBuffer(artifact.object, artifact.signature.name, false);
    if (auto error = s.layer.add(*library_, std::move(bytes))) return words(std::move(error));
    auto found = s.execution.lookup({library_}, s.execution.intern(entry));
    if (found) {
      entry_ = found->getAddress().toPtr<EntryFunction>();
      return {};
    }
    llvm::consumeError(found.takeError());  // it says of an object that failed only that it did
    return s.failure.empty() ? "it does not define that function" : s.failure;
  }

  void remove(Session& s) {
    DebugPlugins::forget(told_);
    llvm::cantFail(s.execution.removeJITDylib(*library_));
  }

  orc::JITDylib* library_ = nullptr;
  EntryFunction entry_ = nullptr;
  const char* told_ = nullptr;  // of gdb's object
};

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
  auto code = std::make_shared<const Library>(artifact);
  const std::int64_t stack = stack_bytes({artifact.object, artifact.signature.name}, artifact);
  const EntryFunction entry = code->entry();
  return std::make_shared<Executable>(entry, artifact.signature, std::move(code), stack);
}

}  // namespace nodec
