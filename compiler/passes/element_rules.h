// What each element of a result is made of, where the operands are given by their elements: the
// arithmetic of `scalarize`.
#pragma once

#include <optional>
#include <vector>

#include "ir/builder.h"

namespace nodec {

using Elements = std::vector<Value*>;  // of one tensor, row-major

// Where the type is a tensor of fixed size that a number can hold.
std::optional<std::int64_t> fixed_count(const Type& type);
// Whether there is a rule for the op.
bool has_elements(const Op& op);
// The elements of the op's result, in the order of sums and folds of the whole tensor's.
Elements elements_of(Builder& b, const Op& op, const std::vector<Elements>& x);

}  // namespace nodec
