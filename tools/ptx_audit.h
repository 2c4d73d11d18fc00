// What of a program's PTX is not what the program says: operations that are approximate, flush
// subnormals, may be merged with others, or choose between floats in their own way. Empty: none.
#pragma once

#include <regex>
#include <string>

namespace nodec {

// Whether a register's only uses are comparisons: those of the lesser of two with a third number,
// say, which NVRTC makes of comparing both. Which zero it is, and which NaN, does not come out
// then. Looked for in the function around the line from `begin` to `end`.
inline bool is_only_compared(const std::string& ptx, const std::string& name, std::size_t begin,
                             std::size_t end) {
  static const std::regex comparison(R"(^\s*(@!?%\w+\s+)?setp\.[^;]*;\s*$)");
  const std::size_t before = ptx.rfind("\n}", begin), last = ptx.find("\n}", end);
  bool is_compared = false;
  for (std::size_t at = ptx.find(name, before == ptx.npos ? 0 : before); at < last;
       at = ptx.find(name, at + 1)) {
    const char next = at + name.size() < ptx.size() ? ptx[at + name.size()] : ';';
    if ((next >= '0' && next <= '9') || (at >= begin && at < end)) continue;
    const std::size_t from = ptx.rfind('\n', at) + 1, to = std::min(ptx.find('\n', at), ptx.size());
    if (!std::regex_match(ptx.substr(from, to - from), comparison)) return false;
    is_compared = true;
  }
  return is_compared;
}

inline std::string ptx_faults(const std::string& ptx) {
  // .approx and .full are estimates; .ftz flushes. Without a rounding the assembler may merge a
  // product with a sum, and mad does; min and max order zeros and drop NaN.
  static const std::regex fault(
      R"(^\s*(@!?%\w+\s+)?(\S*\.(approx|full|ftz)\S*|(add|sub|mul|fma)(\.sat)?\.f(32|64)|mad(\.\w+)?\.f\d+|(min|max)(\.\w+)*\.f\d+)\s.*$)");
  static const std::regex choice(R"(^\s*(?:@!?%\w+\s+)?(?:min|max)\.f(?:32|64)\s+(%\w+),.*$)");
  std::string faults;
  std::size_t begin = 0;
  while (begin < ptx.size()) {
    const std::size_t end = std::min(ptx.find('\n', begin), ptx.size());
    const std::string line = ptx.substr(begin, end - begin);
    std::smatch match;
    if (std::regex_match(line, fault) &&
        !(std::regex_match(line, match, choice) && is_only_compared(ptx, match[1], begin, end))) {
      faults += line + "\n";
    }
    begin = end + 1;
  }
  return faults;
}

}  // namespace nodec
