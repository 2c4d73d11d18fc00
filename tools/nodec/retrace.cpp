// Comparison of two traces, op by op.
#include "tools/nodec/retrace.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

std::vector<Difference> differences(const Graph& first, const Graph& second) {
  const LineDifference all = line_difference(ops_of(first), ops_of(second));
  std::vector<Difference> found;
  for (std::size_t i = 0; i < all.lines(); ++i) {
    const std::string x = i < all.here.size() ? all.here[i] : "";
    const std::string y = i < all.there.size() ? all.there[i] : "";
    if (x != y) found.push_back({x, y});
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
  return text +
         "  help: what changes between traces is C++ state that is not a Var; make it an input, or "
         "a Var\n";
}

}  // namespace nodec
