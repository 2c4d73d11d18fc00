// Type rules meet whatever the parser reads: samples of every primitive, with tokens replaced and
// bytes moved, must end in a sound graph that prints and parses again, or in an Error. No rule may
// leave it to the parser to notice that operands, regions or attributes are not there.
#include <doctest/doctest.h>

#include <cctype>
#include <random>

#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"
#include "kernels/sample.h"

using namespace nodec;

namespace {

// Without the stated types, so that a changed op is not caught by those of its neighbours.
std::string without_types(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    kept += std::string(line.substr(0, line.rfind(" : "))) + "\n";
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return kept;
}

class Vandal {
 public:
  explicit Vandal(unsigned seed) : random_(seed) {}

  std::string damage(std::string text) {
    for (unsigned edits = 1 + (below(4) == 0); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = below(text.size());
      const unsigned how = below(10);
      if (how == 0) {
        text.erase(at, below(12));
      } else if (how == 1) {
        text.insert(at, text.substr(below(text.size()), below(30)));
      } else {
        replace_token(text);
      }
    }
    return text;
  }
  std::size_t below(std::size_t end) { return random_() % end; }

 private:
  void replace_token(std::string& text) {
    const char* strangers[] = {"-1",
                               "0",
                               "9223372036854775807",
                               "-9223372036854775808",
                               "?",
                               "B",
                               "1099511627775",
                               "2.5",
                               "[]",
                               "<>",
                               "[0, 0]",
                               "f32",
                               "any",
                               "true",
                               "\"\"",
                               "7"};
    const auto [at, size] = token(text);
    const auto [other, other_size] = token(text);
    text.replace(at, size, below(3) ? strangers[below(16)] : text.substr(other, other_size));
  }

  // A run of letters, digits and dots, around or after a random place.
  std::pair<std::size_t, std::size_t> token(const std::string& text) {
    const auto inside = [&](std::size_t i) {
      return std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '.';
    };
    std::size_t at = below(text.size());
    while (at + 1 < text.size() && !inside(at)) ++at;
    while (at > 0 && inside(at - 1)) --at;
    std::size_t end = at;
    while (end < text.size() && inside(end)) ++end;
    return {at, end - at};
  }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("damaged text of every primitive ends in a sound graph or in an error") {
  std::vector<std::string> samples;
  for (const Primitive* p : catalogue()) {
    const std::string text = print(*sample_graph(*p, Dtype::F32));
    samples.insert(samples.end(), {text, without_types(text), without_types(text)});
  }
  Vandal vandal(6);
  int sound = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    const std::string text = vandal.damage(samples[vandal.below(samples.size())]);
    CAPTURE(text);
    std::unique_ptr<Graph> graph;
    try {
      graph = parse(text, find_primitive);
    } catch (const Error& error) {
      CHECK(error.message().find("has not the operands") == std::string::npos);
      continue;
    }
    verify(*graph, "parse");
    CHECK_NOTHROW(parse(print(*graph), find_primitive));
    ++sound;
  }
  CHECK(sound > 500);  // else the damage is too great to reach the rules
}
