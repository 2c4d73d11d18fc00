// For blocks' `simplify` rules, which hold for every bit pattern, NaN and signed zeros included.
//
// What is missing is missing on purpose: x + 0 turns -0 into +0, x * 0 is NaN for an infinite x,
// and (x + y) - y rounds.
#pragma once

#include "ir/builder.h"

namespace nodec {

// The op of this primitive that makes `value`, or null.
const Op* made_by(const Value* value, const Primitive& primitive);

// Whether every element is this number, -0 and +0 apart.
bool is(const Value* value, double number);
// The neutral element of a sum: -0 for floats, as -0 + x is x even for -0, and 0 for integers.
bool is_nothing(const Value* value);
// A number other than 0, infinity and NaN, in every element.
bool is_plain_number(const Value* value);

// Rules that several ops share.
Value* if_same_type(Builder& b, const Op& op);   // the operand, where it has the result's type
Value* if_same_twice(Builder& b, const Op& op);  // the operand of the same op
Value* if_equals(Builder& b, const Op& op);      // the first operand, where it is the second too
Value* if_no_axes(Builder& b, const Op& op);     // the operand, where no axis goes

}  // namespace nodec
