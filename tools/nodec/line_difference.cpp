// Two texts compared line by line.
#include "tools/nodec/line_difference.h"

#include <algorithm>
#include <sstream>

namespace nodec {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::size_t LineDifference::lines() const { return std::max(here.size(), there.size()); }

LineDifference line_difference(const std::vector<std::string>& here,
                               const std::vector<std::string>& there) {
  const auto shorter = std::ptrdiff_t(std::min(here.size(), there.size()));
  const auto head = std::mismatch(here.begin(), here.begin() + shorter, there.begin()).first;
  const std::ptrdiff_t before = head - here.begin(), left = shorter - before;
  const auto tail = std::mismatch(here.rbegin(), here.rbegin() + left, there.rbegin()).first;
  const std::ptrdiff_t after = tail - here.rbegin();
  return {std::size_t(before) + 1,
          {here.begin() + before, here.end() - after},
          {there.begin() + before, there.end() - after}};
}

}  // namespace nodec
