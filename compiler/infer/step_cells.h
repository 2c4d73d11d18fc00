// Declared state whose policy is per accepted step is a plain value of its solve before anything is
// inferred or derived. What a derivative says of such a value is told here in terms of the cell.
#pragma once

#include <vector>

#include "ir/finding.h"
#include "ir/graph.h"

namespace nodec {

// Gives findings about a solve's own state, which stand on the solve's line, the name, declaration
// and stores of the cell it was declared as. `traced` is the program as it was traced.
std::vector<Finding> about_cells(std::vector<Finding> findings, const Graph& traced);

}  // namespace nodec
