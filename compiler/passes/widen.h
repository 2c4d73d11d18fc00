// The same program in double precision: every f32 becomes f64, inputs, constants and results
// included. What a program computes in f32 up to rounding, the wide one computes to more digits.
//
// Random numbers keep their f32 draws, which are then cast: f64 draws would be other numbers. A
// cast from f64 to f32 rounds because the program says so; without it the program would be another
// one, so it is an Error that names its line.
#pragma once

#include "ir/graph.h"

namespace nodec {

void widen(Graph& graph);

}  // namespace nodec
