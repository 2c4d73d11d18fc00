// What a program looks like after a stage, exactly: tests/golden/NAME.STAGE is NAME.ir after STAGE.
// A change that is meant is written down with NODEC_UPDATE_GOLDEN=1 compiler_tests -tc="golden*".
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "compiler/pipeline.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "kernels/catalogue.h"

namespace nodec::testing {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in(file);
  REQUIRE_MESSAGE(in.good(), file.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::set<fs::path> golden_files() {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(NODEC_TEST_DIR) / "golden")) {
    if (entry.path().extension() != ".ir") files.insert(entry.path());
  }
  return files;
}

}  // namespace

TEST_CASE("golden texts: programs after a stage are what they were") {
  const std::set<fs::path> files = golden_files();
  REQUIRE(files.size() >= 8);
  for (const fs::path& file : files) {
    const fs::path source = fs::path(file).replace_extension(".ir");
    const std::string stage = file.extension().string().substr(1);
    const std::string text =
        dump(*parse(contents(source), find_primitive, source.filename().string()), stage);
    if (std::getenv("NODEC_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << text;
    INFO(file.filename().string());
    CHECK(text == contents(file));
  }
}

TEST_CASE("golden texts: a stage's IR reads back as itself") {
  for (const fs::path& file : golden_files()) {
    if (file.extension() == ".lower") continue;  // a plan, which nothing reads
    const std::string text = contents(file);
    INFO(file.filename().string());
    CHECK(print(*parse(text, find_primitive)) == text);
  }
}

}  // namespace nodec::testing
