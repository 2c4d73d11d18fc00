// Comparison of two traces, op by op.
#include "tools/nodec/retrace.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "ir/print.h"
#include "tools/nodec/line_difference.h"

namespace nodec {
namespace {

// The printed ops, without their depth.
std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> lines = lines_of(print(graph, {.locations = true}));
  for (std::string& line : lines) line.erase(0, line.find_first_not_of(' '));
  return lines;
}

// The line stated behind a printed op.
SourceLine place_of(const std::string& op) {
  static const std::regex stated(R"re(.* @ "(.*):(\d+)"( in .*)?)re");
  std::smatch found;
  if (!std::regex_match(op, found, stated)) return {};
  return {found[1], std::stoi(found[2])};
}

}  // namespace

std::vector<Difference> differences(const Graph& first, const Graph& second) {
  const std::vector<std::string> here = ops_of(first), there = ops_of(second);
  std::vector<Difference> found;
  for (const Hunk& hunk : program_difference(here, there)) {
    for (std::size_t i = 0; i < hunk.lines(); ++i) {
      Difference one;
      if (i < hunk.here_count) one.first = here[hunk.here + i];
      if (i < hunk.there_count) one.second = there[hunk.there + i];
      one.where = place_of(one.first.empty() ? one.second : one.first);
      found.push_back(std::move(one));
    }
  }
  return found;
}

std::string retrace_text(const std::vector<Difference>& found) {
  constexpr std::size_t kShown = 10;
  if (found.empty()) return "retrace: a second trace gives the same program\n";
  std::string text =
      fmt::format("retrace: {} line{} of a second trace {}\n", found.size(),
                  found.size() == 1 ? "" : "s", found.size() == 1 ? "differs" : "differ");
  for (std::size_t i = 0; i < std::min(kShown, found.size()); ++i) {
    if (!found[i].first.empty()) text += fmt::format("  - {}\n", found[i].first);
    if (!found[i].second.empty()) text += fmt::format("  + {}\n", found[i].second);
  }
  if (found.size() > kShown) text += fmt::format("  and {} more\n", found.size() - kShown);
  return text + fmt::format("  help: {}\n", kRetraceHelp);
}

}  // namespace nodec
