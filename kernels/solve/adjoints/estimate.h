// How large an error is beside what it is the error of: the parts that estimates of a gradient's
// error are made of, whichever rule makes them.
#pragma once

#include "kernels/build.h"

namespace nodec {

// The largest size of an element; a NaN where there is one.
Value* largest_element(Builder& b, const Values& xs);

// A number that brings the largest element of xs to 1, so that squares stay in range; finite.
Value* unit_of(Builder& b, const Values& xs);

// The root mean square of xs in such units.
Value* rms_in(Builder& b, Value* unit, const Values& xs);

// error / size for numbers; 0/0 is 0, and what is left of nothing else is infinite or NaN.
Value* share_of(Builder& b, Value* error, Value* size);

// rms(errors) / rms(of), over all elements of all of them, whatever their size.
Value* relative_rms(Builder& b, const Values& errors, const Values& of);

}  // namespace nodec
