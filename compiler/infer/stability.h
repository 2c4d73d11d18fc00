// The type-stability gate: findings about variables that do not live in plain, typed values. A
// `boxed` finding is proven to have one type, and compiles; every other one is refused.
#pragma once

#include <span>
#include <vector>

#include "compiler/infer/infer.h"
#include "ir/finding.h"

namespace nodec {

// `unfinished`: the program might go on, so no cell is called scratch for want of a later reader.
std::vector<Finding> check_stability(const Graph& graph, const Inference& inference,
                                     bool unfinished = false);

// Throws Unstable with all findings when one of them stops a compile.
void require_stable(std::span<const Finding> findings);

}  // namespace nodec
