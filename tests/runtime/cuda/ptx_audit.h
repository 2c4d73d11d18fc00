// What of a program's PTX is not what the program says: operations that are approximate, flush
// subnormals, may be merged with others, or choose between floats in their own way. Empty: none.
#pragma once

#include <regex>
#include <string>

namespace nodec::testing {

inline std::string ptx_faults(const std::string& ptx) {
  // .approx and .full are estimates; .ftz flushes. Without a rounding the assembler may merge a
  // product with a sum, and mad does; min and max order zeros and drop NaN.
  static const std::regex fault(
      R"(^\s*(@!?%\w+\s+)?(\S*\.(approx|full|ftz)\S*|(add|sub|mul|fma)(\.sat)?\.f(32|64)|mad(\.\w+)?\.f\d+|(min|max)(\.\w+)*\.f\d+)\s.*$)");
  std::string faults;
  std::size_t begin = 0;
  while (begin < ptx.size()) {
    const std::size_t end = std::min(ptx.find('\n', begin), ptx.size());
    const std::string line = ptx.substr(begin, end - begin);
    if (std::regex_match(line, fault)) faults += line + "\n";
    begin = end + 1;
  }
  return faults;
}

}  // namespace nodec::testing
