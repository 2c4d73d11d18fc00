// Whether a user's rule is linear in its tangents (or cotangents), as its transposition takes it to
// be: J^T is read off the rule's derivative, which of any other rule would be that at zero.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nodec {

// Error where a result in `seeds` is not linear in the arguments in `wrt`, which the user knows as
// `what`; `asked` is where the rule stands. The region's ops have derivatives of their own.
void require_linear(const Region& rule, const std::vector<int>& wrt, const std::vector<int>& seeds,
                    const std::string& what, const SourceLine& asked);

}  // namespace nodec
