// Forward mode of the ops that run regions: the same op, with the tangents of what it takes and
// gives beside them.
#pragma once

#include <span>

#include "ir/primitive.h"

namespace nodec {

Pushed push_call(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents);
Pushed push_cond(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents);
// Carries get their tangents as further carries, captures as further captures.
Pushed push_while(ForwardDifferentiator& ad, Builder& b, const Op& op,
                  std::span<Value* const> operands, std::span<Value* const> tangents);

}  // namespace nodec
