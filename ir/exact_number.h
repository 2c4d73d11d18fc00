// Doubles as text that comes back bit by bit, in any locale: hexadecimal, as C writes them
// ("-0x1.8p+1"), and "inf", "nan".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nodec {

std::string exact_text(double number);
// Nothing unless all of the text is one.
std::optional<double> exact_number(std::string_view text);

}  // namespace nodec
