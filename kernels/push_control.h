// Forward mode of the ops that run regions: the same op, with the tangents of what it takes and
// gives beside them.
#pragma once

#include <span>

#include "ir/primitive.h"

namespace nodec {

// Whether a cond's second branch only says sooner what the first one gives here (attribute
// `shortcut`): in all that has a derivative both are one function, and it has the first branch's.
inline bool is_shortcut(const Op& cond) { return cond.attrs.get_or<bool>("shortcut", false); }

Pushed push_call(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents);
// Of a shortcut it is the first branch that is pushed.
Pushed push_cond(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents);
// Carries get their tangents as further carries, captures as further captures.
Pushed push_while(ForwardDifferentiator& ad, Builder& b, const Op& op,
                  std::span<Value* const> operands, std::span<Value* const> tangents);

}  // namespace nodec
