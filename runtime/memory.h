// How much memory this process may count on.
#pragma once

#include <cstdint>

namespace nodec {

// Bytes: the machine's, or less where the process's control group or address space is limited.
std::int64_t machine_memory();

}  // namespace nodec
