// Two texts compared line by line.
#pragma once

#include <string>
#include <vector>

namespace nodec {

std::vector<std::string> lines_of(const std::string& text);

// What stands between what two texts begin with and what they end with in common.
struct LineDifference {
  std::size_t first = 1;  // the number of its first line
  std::vector<std::string> here, there;

  std::size_t lines() const;  // of the longer side
};
LineDifference line_difference(const std::vector<std::string>& here,
                               const std::vector<std::string>& there);

}  // namespace nodec
