// A derivative speaks of a solve's own cells: leaves of what was declared, which stand on the line
// of the solve. Here they are told of the variable or cell that they were declared as.
#pragma once

#include <string>
#include <vector>

#include "ir/finding.h"
#include "ir/graph.h"

namespace nodec {

class SolveCells {
 public:
  // Labels what will be the cells of this program's solves, in place of their names.
  explicit SolveCells(Graph& traced);

  // The findings of a derivative of the labelled program, one for each declaration and line of
  // code: with its name, declaration, type and stores.
  std::vector<Finding> told(std::vector<Finding> findings) const;

 private:
  std::vector<Finding> declared_;  // by label: what is known of the declaration
};

}  // namespace nodec
