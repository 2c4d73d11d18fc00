// The reversed walk. With y = f(x) recorded in order, the cotangent of x is the sum over the ops
// that used x of their pulled-back cotangents; by the time the walk meets the op that made x, every
// use of x is behind it, so the sum is complete. A cotangent that is zero is no value at all
// (null): nothing is computed for it, until a caller must be given one.
#pragma once

#include "compiler/ad/recording.h"

namespace nodec {

// Appends the reverse ops to the recording's region, and to its results one cotangent per `wrt`,
// then the estimate of their error where one was reported; drops every op, forward or reverse, that
// nothing needs.
void backward(Differentiator& ad, Recording& recording);

}  // namespace nodec
