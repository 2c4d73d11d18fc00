// Gives every solve that may stop the program a number by which it is told: attribute `site`, also
// of the fail_if that reads its status. One may stop it that has such a fail_if, or stands in what
// a gradient is taken of. Numbers come from the program alone, in its own order, before anything is
// derived from it; what is derived from a solve keeps its number. A program that carries numbers
// already (text that was printed behind this pass) keeps them.
//
// Lines are not part of a program's key, so that a program taken from the cache may have been made
// for a solve on another line; solve_lines tells where each stands now.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace nodec {

void number_solves(Graph& graph);

// By number; unknown where a number has no solve. The graph may be numbered or not.
std::vector<SourceLine> solve_lines(const Graph& graph);

}  // namespace nodec
