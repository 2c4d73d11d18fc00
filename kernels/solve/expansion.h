// Evaluates an op by running what it expands to, so that it has one meaning.
#pragma once

#include <span>
#include <vector>

#include "ir/primitive.h"

namespace nodec {

// An EvalRule for primitives with an `expand` rule.
std::vector<Datum> run_expansion(const Op& op, std::span<const Datum> operands,
                                 Interpreter& interpreter);

}  // namespace nodec
