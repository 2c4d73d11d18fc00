// The smaller or larger of two numbers, with one stated answer for every pair of bit patterns: NaN
// when either is NaN, and -0 below +0. Back ends' own min and max differ in just these.
#pragma once

#include <cstdint>

#include "ir/arithmetic.h"

namespace nodec {

enum class Extremum : std::uint8_t { Min, Max };

// Floats or integers. Made of compare and select; equal floats differ at most in the sign of zero,
// so the `or` of their bits (min) or the `and` (max) is the right zero and leaves others alone.
Code extremum(Arithmetic& e, Code a, Code b, Extremum which);

}  // namespace nodec
