// Cuts a recording with both sweeps into a forward and a reverse region, and chooses what crosses.
//
// Every forward value that a reverse op uses must be stored (a residual) or computed again. Storing
// costs memory traffic for every evaluation of a solve's dynamics, so a value is computed again
// where that is nearly free and stores nothing larger in its place:
//   always        constants; views and widening casts, whose operand is stored instead: the f32[20]
//                 bias and not its broadcast to f32[20, B], the u8 image and not its f32 copy
//   if available  slices, joins and plain arithmetic of values that are stored anyway; a value is
//                 stored when slices of it that would be have as many elements together, for who
//                 writes dynamics number by number uses each of them several times
//   never         anything else: matrix products, transcendental functions, division, sums
// "Available" is closed under both: the choice is one ascending sweep over the forward values,
// since dropping a value that earlier stored ones give back makes no later value unavailable.
#pragma once

#include "compiler/ad/recording.h"

namespace nodec {

// `backward` has run. Residuals are in the order the forward region defines them, none twice.
Derivative split(Recording recording);

}  // namespace nodec
