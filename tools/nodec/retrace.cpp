// Comparison of two traces, line by line behind what they begin with and before what they end with
// in common.
#include "tools/nodec/retrace.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "ir/print.h"

namespace nodec {
namespace {

std::vector<std::string> lines_of(const Graph& graph) {
  std::istringstream text(print(graph, {.locations = true}));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    const std::size_t start = line.find_first_not_of(' ');
    lines.push_back(start == std::string::npos ? "" : line.substr(start));
  }
  return lines;
}

}  // namespace

std::vector<Difference> differences(const Graph& first, const Graph& second) {
  const std::vector<std::string> a = lines_of(first), b = lines_of(second);
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && a[head] == b[head]) ++head;
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  std::vector<Difference> found;
  for (std::size_t i = head; i < std::max(a.size(), b.size()) - tail; ++i) {
    const std::string x = i < a.size() - tail ? a[i] : "", y = i < b.size() - tail ? b[i] : "";
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
