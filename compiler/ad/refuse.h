// The error of an op that a derivative meets and that has none.
#pragma once

#include "ir/graph.h"

namespace nodec {

[[noreturn]] void refuse_derivative(const Op& op);

}  // namespace nodec
