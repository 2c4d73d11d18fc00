// Axes as users count them, from either end, as ops do, from the front.
#pragma once

#include "compiler/trace/ops.h"

namespace nodec::tracing {

// An Error names the axes that there are.
std::int64_t checked_axis(const Type& type, std::int64_t axis, const SourceLine& where);
Axes checked_axes(const Type& type, const Axes& axes,
                  const SourceLine& where);  // sorted, each once

}  // namespace nodec::tracing
