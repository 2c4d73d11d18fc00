// Return addresses through the unwinder that exceptions use anyway.
#include "compiler/trace/call_stack.h"

#include <execinfo.h>

#include <algorithm>
#include <array>

namespace nodec::tracing {

std::vector<void*> return_addresses() {
  std::array<void*, 12> frames{};
  const int count = backtrace(frames.data(), int(frames.size()));
  return std::vector<void*>(frames.begin() + std::min(count, 1), frames.begin() + count);
}

}  // namespace nodec::tracing
