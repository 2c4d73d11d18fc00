// Machine code from object bytes: links one object into this process. Absent without NODEC_CPU_JIT.
#pragma once

#include <memory>

#include "ir/abi.h"
#include "runtime/executable.h"

namespace nodec {

// The object may refer to the runtime's nodec_* routines and to nothing else: any other undefined
// symbol (a library call that code generation slipped in) is refused by name.
std::shared_ptr<const Executable> load(const Artifact& artifact);

}  // namespace nodec
