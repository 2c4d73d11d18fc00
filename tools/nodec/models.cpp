// Finding models: this program's own table, libraries opened at run time, and text.
#include "tools/nodec/models.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "compiler/infer/box_uses.h"
#include "compiler/model.h"
#include "examples/mnist/model.h"
#include "ir/nearest.h"
#include "ir/parse.h"
#include "kernels/catalogue.h"
#include "runtime/plain_file.h"
#include "tools/nodec/model_library.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

// The training step: it holds the model, its solve and its derivative.
Traced mnist_training(const char* style) {
  mnist::ProgramOptions options;
  options.model = style;
  return mnist::trace_training(options);
}

NODEC_MODEL("mnist/layer") { return mnist_training("layer"); }
NODEC_MODEL("mnist/stateful") { return mnist_training("stateful"); }
NODEC_MODEL("mnist/compact") { return mnist_training("compact"); }

constexpr std::uint64_t kLongestText = std::uint64_t{1} << 28;  // bytes of IR text

[[noreturn]] void too_long(const std::string& name) {
  throw InputError(
      fmt::format("{} has more than {} MiB, too much for IR text", name, kLongestText >> 20), {},
      "give IR text, as `nodec dump MODEL --after trace` prints it");
}

// All of standard input, which may have no end.
std::string read_input() {
  std::string text;
  std::array<char, 1 << 16> part;
  while (std::size_t got = std::fread(part.data(), 1, part.size(), stdin)) {
    text.append(part.data(), got);
    if (text.size() > kLongestText) too_long("standard input");
  }
  if (std::ferror(stdin) != 0) {
    throw InputError(fmt::format("cannot read standard input: {}", std::strerror(errno)), {},
                     "give a file that can be read");
  }
  return text;
}

std::string read_file(const std::string& name) {
  PlainFile file(name);
  if (file.size() > kLongestText) too_long("'" + name + "'");
  std::string text(file.size(), '\0');
  text.resize(file.read(text.data(), text.size()));
  if (file.trouble().empty()) return text;
  throw InputError(fmt::format("cannot read '{}': {}", name, file.trouble()), {},
                   "give a file that can be read");
}

// "libuser.so:name". Either part may hold colons: the library is the longest that is there, and
// where none is, what stands before the last colon.
struct LibraryModel {
  std::string library, model;
};
bool split_library(const std::string& name, LibraryModel& found) {
  std::error_code failed;
  if (std::filesystem::exists(name, failed)) return false;
  std::size_t colon = name.rfind(':');
  for (std::size_t at = colon; at != std::string::npos && at > 0; at = name.rfind(':', at - 1)) {
    if (!std::filesystem::exists(name.substr(0, at), failed)) continue;
    colon = at;
    break;
  }
  if (colon == std::string::npos || colon == 0) return false;
  found = {name.substr(0, colon), name.substr(colon + 1)};
  return found.library.find(".so") != std::string::npos;
}

bool is_registered(const std::string& name) {
  for (const std::string& known : model_names()) {
    if (known == name) return true;
  }
  return false;
}

std::unique_ptr<Graph> parsed(const std::string& text, const std::string& name) {
  try {
    std::unique_ptr<Graph> graph = parse(text, find_primitive, name, catalogue());
    check_box_uses(*graph);
    return graph;
  } catch (const Error& error) {
    throw InputError(error.message(), error.notes(), error.help());
  }
}

[[noreturn]] void no_model(const std::string& name) {
  throw InputError(
      fmt::format("no model '{}': wanted a registered name, libuser.so:name, a file of IR text, "
                  "or -",
                  name),
      {}, suggestion(name, model_names(), "`nodec list` prints the names"));
}

}  // namespace

std::vector<std::string> model_names() { return registered_models(); }

std::vector<std::string> library_model_names(const std::string& library) {
  return ModelLibrary(library).names();
}

bool is_traced_by_name(const std::string& name) {
  LibraryModel in;
  return is_registered(name) || split_library(name, in);
}

std::shared_ptr<Graph> load_model(const std::string& name) {
  if (is_registered(name)) return trace_registered(name).graph;
  LibraryModel in;
  if (split_library(name, in)) return parsed(ModelLibrary(in.library).trace(in.model), name);
  if (name == "-") return parsed(read_input(), "<standard input>");
  std::error_code ignored;
  if (!std::filesystem::exists(name, ignored)) no_model(name);
  const std::string text = read_file(name);
  if (text.starts_with("\177ELF")) {
    throw InputError(fmt::format("'{}' is a library, and no model of it is named", name), {},
                     fmt::format("add :NAME; `nodec list {}` prints the names", name));
  }
  return parsed(text, name);
}

}  // namespace nodec
