// What must hold when a program runs, beyond what its types say.
#pragma once

#include <string>

#include "compiler/trace/var.h"
#include "ir/status.h"

namespace nodec::tracing {

// Unless it holds the program stops with this status, which is told of `who`, on this line.
void require(const Var& holds, Status status, const std::string& who, const SourceLine& where);

}  // namespace nodec::tracing
