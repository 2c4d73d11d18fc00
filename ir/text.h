// The words of the IR text, used by the printer, the parser and messages: what a name may be
// without quotes, how strings and numbers are written so that they read back exactly, and how many
// of a thing there are.
#pragma once

#include <string>
#include <string_view>

namespace nodec {

// Of a word: ASCII alone, whatever the locale.
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [A-Za-z_][A-Za-z0-9_]*
bool is_word(std::string_view text);
// A word, then parts of letters, digits and _ behind dots: params.layers.0.weight needs no quotes.
bool is_dotted_word(std::string_view text);
// "..." with \" \\ \n \t and \xHH for every other byte outside printable ASCII.
std::string quoted(std::string_view text);
std::string name_text(std::string_view name);  // as it is when dotted, quoted otherwise
// Shortest digits that read back to the same bits, always with a '.' or an exponent; or inf, -inf,
// nan, and nan(0x...) for a NaN of other bits than the usual one.
std::string exact(double value);
// For people: shortest digits; or inf, -inf, and nan, whose sign depends on where it was computed.
std::string number_text(double value);
std::string count_of(std::size_t count, std::string_view noun);  // "1 operand", "2 operands"

}  // namespace nodec
