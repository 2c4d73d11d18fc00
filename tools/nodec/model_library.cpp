// Libraries of models through dlopen.
#include "tools/nodec/model_library.h"

#include <dlfcn.h>

#include <algorithm>
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
  list(append, &text);
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
