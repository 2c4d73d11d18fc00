// Where an assignment came from: C++ gives operator= no source location, so a store that crosses
// regions keeps the return addresses above it, and a report symbolises them if it is ever printed.
#pragma once

#include <vector>

#include "ir/error.h"

namespace nodec::tracing {

// The innermost return addresses of this thread, this function's own frame left out.
std::vector<void*> return_addresses();

}  // namespace nodec::tracing
