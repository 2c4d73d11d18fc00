// Libraries of models through dlopen.
#include "tools/nodec/model_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "compiler/findings_text.h"
#include "compiler/model.h"
#include "ir/nearest.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

constexpr int kVersion = 2;
constexpr const char* kMake =
    "make it with nodec_add_models(target sources...), a NODEC_MODEL in the sources";

void append(void* to, const char* bytes, std::size_t count) {
  static_cast<std::string*>(to)->append(bytes, count);
}

// How many models this program has of its own, before it opens any library.
std::ptrdiff_t own_models() {
  static const std::ptrdiff_t count = std::ptrdiff_t(registered_models().size());
  return count;
}

// The error that a library worded.
Error error_of(std::string text) {
  constexpr std::string_view kStart = "error: ";
  if (text.starts_with(kStart)) text.erase(0, kStart.size());
  return Error(text);
}

// For as long as a library's code runs: where that ends the process, says so and exits with
// kFailure, whatever it wanted to exit with. A gate would take its 0 for a program without
// findings.
class LibraryCall {
 public:
  explicit LibraryCall(std::string who) : who_(std::move(who)) {
    static const bool heard = std::atexit(refuse) == 0 && std::at_quick_exit(refuse) == 0;
    NODEC_CHECK(heard, "no exit handler could be registered");
    running = this;
  }
  ~LibraryCall() { running = nullptr; }
  LibraryCall(const LibraryCall&) = delete;
  LibraryCall& operator=(const LibraryCall&) = delete;

 private:
  static void refuse() {
    // A child that the library forked may end as it likes.
    if (running == nullptr || running->process_ != getpid()) return;
    const Error error(running->who_ + " ended the process", {},
                      "let its code return, or throw a std::exception that says why not");
    std::fprintf(stderr, "%s\n", error.what());
    std::_Exit(kFailure);
  }

  inline static const LibraryCall* running = nullptr;
  std::string who_;
  pid_t process_ = getpid();
};

}  // namespace

ModelLibrary::ModelLibrary(const std::string& path) : path_(path) {
  std::error_code failed;
  const std::filesystem::path full = std::filesystem::absolute(path, failed);
  if (failed || !std::filesystem::exists(full, failed)) {
    throw InputError(fmt::format("there is no library '{}'", path), {},
                     "build it first, and give its path");
  }
  if (!std::filesystem::is_regular_file(full, failed)) {
    throw InputError(fmt::format("'{}' is no library: it is not a plain file", path), {}, kMake);
  }
  own_models();
  const LibraryCall call(fmt::format("the library '{}'", path));
  handle_ = dlopen(full.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    throw InputError(fmt::format("cannot open a library: {}", dlerror()), {}, kMake);
  }
  const auto version =
      reinterpret_cast<decltype(&nodec_models_version)>(symbol("nodec_models_version"));
  if (version() == kVersion) return;
  throw InputError(fmt::format("'{}' was made for version {} of nodec's models, this is version {}",
                               path, version(), kVersion),
                   {}, "build it against this nodec");
}

void* ModelLibrary::symbol(const char* name) const {
  if (void* found = dlsym(handle_, name)) return found;
  throw InputError(fmt::format("'{}' holds no models", path_), {}, kMake);
}

std::vector<std::string> ModelLibrary::names() const {
  std::string text, line;
  const auto list = reinterpret_cast<decltype(&nodec_models_list)>(symbol("nodec_models_list"));
  {
    const LibraryCall call(fmt::format("the library '{}'", path_));
    list(append, &text);
  }
  std::vector<std::string> names;
  std::istringstream lines(text);
  while (std::getline(lines, line)) names.push_back(line);
  // Where both link the same shared nodec they share its table, which began with this program's.
  if (list == &nodec_models_list) names.erase(names.begin(), names.begin() + own_models());
  return names;
}

std::string ModelLibrary::trace(const std::string& model) const {
  const std::vector<std::string> all = names();
  if (std::find(all.begin(), all.end(), model) == all.end()) {
    throw InputError(fmt::format("'{}' has no model '{}'", path_, model), {},
                     suggestion(model, all, fmt::format("`nodec list {}` prints them", path_)));
  }
  std::string text;
  const auto run = reinterpret_cast<decltype(&nodec_models_trace)>(symbol("nodec_models_trace"));
  const LibraryCall call(fmt::format("the model '{}' of '{}'", model, path_));
  switch (run(model.c_str(), append, &text)) {
    case nodec_models_ir:
      return text;
    case nodec_models_findings:
      throw Unstable(read_findings(text));
    default:
      throw error_of(text);
  }
}

}  // namespace nodec
