// Gives every solve that may stop the program a number by which it is told: attribute `site`, also
// of the fail_if that reads its status. One may stop it that has such a fail_if, or stands in what
// a gradient is taken of. Numbers come from the program alone, in its own order, before anything is
// derived from it; what is derived from a solve keeps its number. A program that carries numbers
// already (text that was printed behind this pass) keeps them.
//
// Lines are not part of a program's key, so a program taken from the cache may have been made when
// its solves stood on other lines. The k-th op of the traced program is the same one in both.
#pragma once

#include "ir/abi.h"
#include "ir/graph.h"

namespace nodec {

void number_solves(Graph& graph);

// The same for what stops a derived program and is no solve (attribute `op`).
void number_stops(Graph& graph);

// Of a signature made from `traced`; and of one that was made from the same program elsewhere.
void remember_lines(const Graph& traced, Signature& signature);
void move_lines(const Graph& traced, Signature& signature);

}  // namespace nodec
