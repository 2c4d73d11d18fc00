// The words of the IR text, used by the printer, the parser and messages: what a name may be
// without quotes, and how strings and numbers are written so that they read back exactly.
#pragma once

#include <string>
#include <string_view>

namespace nodec {

// [A-Za-z_][A-Za-z0-9_]*
bool is_word(std::string_view text);
// "..." with \" \\ \n \t and \xHH for every other byte outside printable ASCII.
std::string quoted(std::string_view text);
std::string word_or_quoted(std::string_view text);
// Shortest digits that read back to the same bits, always with a '.', an exponent, or as inf,
// -inf, nan; a NaN's payload is not kept.
std::string exact(double value);

}  // namespace nodec
