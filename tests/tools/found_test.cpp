// Texts that once broke something (tests/fuzz/found): each ends in an Error that names a line, or
// in a graph that inference has something to say of.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "compiler/pipeline.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"

using namespace nodec;

TEST_CASE("what fuzzing once found is answered") {
  int seen = 0;
  for (const auto& file : std::filesystem::directory_iterator(NODEC_TEST_DIR "/fuzz/found")) {
    CAPTURE(file.path().string());
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    ++seen;
    try {
      const std::unique_ptr<Graph> graph = parse(text, find_primitive);
      verify(*graph, "parse");
      CHECK(print(*parse(print(*graph), find_primitive)) == print(*graph));
      analyze(*graph);
    } catch (const Error& error) {
      const auto located = [](const Note& note) { return note.where.known(); };
      CHECK(std::any_of(error.notes().begin(), error.notes().end(), located));
    }
  }
  CHECK(seen > 0);
}
