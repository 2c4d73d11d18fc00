// The registered models, each a traced program, and programs read as text.
#include "tools/nodec/models.h"

#include <fmt/ranges.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "examples/mnist/program.h"
#include "ir/parse.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

constexpr std::string_view kPrefix = "mnist/";
constexpr std::array kStyles = {"layer", "stateful", "compact"};

// The training step: it holds the model, its solve and its derivative.
std::unique_ptr<Graph> traced(std::string_view style) {
  mnist::ProgramOptions options;
  options.model = style;
  return mnist::trace_training(options).graph;
}

std::string read_all(std::istream& from) {
  std::ostringstream text;
  text << from.rdbuf();
  return text.str();
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const char* style : kStyles) names.push_back(fmt::format("{}{}", kPrefix, style));
  return names;
}

std::unique_ptr<Graph> load_model(const std::string& name) {
  for (const char* style : kStyles) {
    if (name == fmt::format("{}{}", kPrefix, style)) return traced(style);
  }
  if (name == "-") return parse(read_all(std::cin), find_primitive, "<standard input>");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(name, ignored)) {
    throw Error(
        fmt::format("no model '{}': wanted a registered name, a file of IR text, or -", name), {},
        fmt::format("the names are {}", fmt::join(model_names(), ", ")));
  }
  std::ifstream file(name, std::ios::binary);
  const std::string text = read_all(file);
  if (!file) throw Error(fmt::format("cannot read '{}'", name));
  return parse(text, find_primitive, name);
}

}  // namespace nodec
