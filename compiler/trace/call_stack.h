// Where an assignment came from: C++ gives operator= no source location, so a store that crosses
// regions keeps the return addresses above it, and a report symbolises them if it is ever printed.
#pragma once

#include <string_view>
#include <vector>

#include "ir/error.h"

namespace nodec::tracing {

// The innermost return addresses of this thread, this function's own frame left out.
std::vector<void*> return_addresses();

// Whether a source file is the standard library's or nodec's own.
bool is_library(std::string_view file);

// The line of the first call that is neither the standard library's nor nodec's; unknown when the
// program has no line tables, or nodec is built without LLVM.
SourceLine first_user_line(const std::vector<void*>& addresses);

}  // namespace nodec::tracing
