// Standard output and its kin as the programs use them: what cannot be written is an error in
// words, never a signal, and never lands in a file that was opened meanwhile.
#pragma once

#include <string_view>

namespace nodec {

// Before anything is opened. A stream that is closed refuses whatever is written to it or read from
// it, where the next file would otherwise take its number; a limit of file size is an error of the
// write.
void guard_standard_streams();

// Writes all of it to standard output; Error when that cannot be.
void print_out(std::string_view text);

}  // namespace nodec
