// Two texts compared line by line.
#pragma once

#include <string>
#include <vector>

namespace nodec {

std::vector<std::string> lines_of(const std::string& text);

// Lines that one text has where the other has others, or none: `here_count` from line `here` on
// (counted from 0) of the one, `there_count` from line `there` on of the other.
struct Hunk {
  std::size_t here = 0, there = 0;
  std::size_t here_count = 0, there_count = 0;

  std::size_t lines() const { return here_count > there_count ? here_count : there_count; }
};
std::size_t line_count(const std::vector<Hunk>& hunks);

std::vector<Hunk> line_difference(const std::vector<std::string>& here,
                                  const std::vector<std::string>& there);

// The same for printed programs. One op more renumbers every value behind it, so numbers count only
// where nothing else differs.
std::vector<Hunk> program_difference(const std::vector<std::string>& here,
                                     const std::vector<std::string>& there);

// How many lines either text has that the other has not, wherever they stand; numbered values are
// all alike. Quick, for choosing among many texts.
std::size_t unshared_lines(const std::vector<std::string>& here,
                           const std::vector<std::string>& there);

}  // namespace nodec
