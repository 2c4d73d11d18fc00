// The layering, read off the #include lines: which folder may include which. A forbidden arrow
// fails with the file, the line and the rule. Also: every source file opens with a comment that
// says what it is for.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

// A folder (or one file) and the path prefixes its files may include. Of several rules that match
// a file, the longest folder decides.
struct Rule {
  std::string_view folder;
  std::vector<std::string_view> allowed;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {"ir/", {"ir/"}},
      {"kernels/", {"ir/", "kernels/"}},
      {"runtime/",
       {"ir/type.h", "ir/error.h", "ir/abi.h", "ir/debug.h", "ir/status.", "ir/stopped.",
        "ir/nearest.h", "ir/lasting.h", "runtime/"}},
      {"compiler/", {"ir/", "kernels/", "runtime/", "compiler/"}},
      {"compiler/trace/", {"ir/", "kernels/", "compiler/trace/"}},
      {"compiler/infer/", {"ir/", "kernels/", "compiler/infer/"}},
      {"compiler/passes/", {"ir/", "kernels/", "compiler/passes/"}},
      {"compiler/ad/", {"ir/", "kernels/", "compiler/ad/"}},
      {"compiler/lower/", {"ir/", "kernels/", "compiler/lower/"}},
      {"compiler/schedule/", {"ir/", "compiler/schedule/"}},
      {"compiler/codegen/", {"ir/", "kernels/", "compiler/codegen/"}},
      {"compiler/nn/", {"ir/", "kernels/", "compiler/trace/", "compiler/nn/"}},
      {"compiler/train/",
       {"ir/", "runtime/", "compiler/trace/", "compiler/nn/", "compiler/analyze.h",
        "compiler/train/"}},
      {"examples/", {"compiler/nodec.h", "examples/"}},
      {"examples/mnist/main.cpp", {"compiler/nodec.h", "examples/", "tools/standard_streams.h"}},
      {"examples/mnist/options.h", {"examples/", "tools/usage.h"}},
      // The command line shows the insides, so it may look at them.
      {"tools/", {"ir/", "kernels/", "runtime/", "compiler/", "examples/", "tools/"}},
  };
  return table;
}

const Rule* rule_for(std::string_view path) {
  const Rule* best = nullptr;
  for (const Rule& rule : rules()) {
    if (!path.starts_with(rule.folder)) continue;
    if (best == nullptr || rule.folder.size() > best->folder.size()) best = &rule;
  }
  return best;
}

// What is wrong with one file; empty when nothing is.
std::vector<std::string> findings(const std::string& path, const std::string& text) {
  std::vector<std::string> found;
  if (!text.starts_with("// ")) found.push_back(path + ":1: opens without a comment");
  const Rule* rule = rule_for(path);
  if (rule == nullptr) return found;
  static const std::regex include(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (!std::regex_search(line, match, include)) continue;
    const std::string target = match[1];
    bool allowed = false;
    for (std::string_view prefix : rule->allowed) allowed |= target.starts_with(prefix);
    if (allowed) continue;
    found.push_back(path + ":" + std::to_string(number) + ": " + std::string(rule->folder) +
                    " may not include \"" + target + "\"");
  }
  return found;
}

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

bool is_source(const fs::path& file) {
  return file.extension() == ".h" || file.extension() == ".cpp";
}

const fs::path root = fs::path(NODEC_TEST_DIR).parent_path();

}  // namespace

TEST_CASE("no folder includes what its layer may not see") {
  int files = 0;
  for (const char* folder :
       {"ir", "kernels", "runtime", "compiler", "examples", "tools", "tests"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      ++files;
      const std::string path = fs::relative(entry.path(), root).generic_string();
      for (const std::string& finding : findings(path, read(entry.path()))) FAIL_CHECK(finding);
    }
  }
  CHECK(files > 10);
}

TEST_CASE("a forbidden include is found, with its line") {
  const std::string text =
      "// A file.\n#include <vector>\n  # include \"compiler/ad/recording.h\"\n";
  CHECK(findings("compiler/ad/tape.cpp", text).empty());
  CHECK(findings("compiler/pipeline.cpp", text).empty());
  const auto found = findings("compiler/lower/plan.cpp", text);
  REQUIRE(found.size() == 1);
  CHECK(found[0] ==
        "compiler/lower/plan.cpp:3: compiler/lower/ may not include \"compiler/ad/recording.h\"");
  CHECK(findings("ir/graph.cpp", "// A file.\n#include \"kernels/catalogue.h\"\n").size() == 1);
  CHECK(findings("runtime/cpu.cpp", "// A file.\n#include \"ir/graph.h\"\n").size() == 1);
  CHECK(findings("runtime/cpu.cpp", "// A file.\n#include \"ir/status.h\"\n").empty());
  CHECK(findings("examples/a.cpp", "// A file.\n#include \"ir/graph.h\"\n").size() == 1);
}

TEST_CASE("a file without an opening comment is found") {
  const auto found = findings("ir/type.cpp", "#include \"ir/type.h\"\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0] == "ir/type.cpp:1: opens without a comment");
}
