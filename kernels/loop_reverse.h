// The derivative of a `while` in reverse, over a tape of its turns.
#pragma once

#include "ir/primitive.h"

namespace nodec {

Augmented augment_while(Differentiator& ad, Builder& b, const Op& op,
                        std::span<Value* const> operands);
std::vector<Value*> reverse_while(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                  std::span<Value* const> dy);

}  // namespace nodec
