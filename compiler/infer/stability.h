// The type-stability gate: findings about variables that do not live in plain, typed values. A
// `boxed` finding is proven to have one type, and compiles; every other one is refused.
#pragma once

#include <span>
#include <vector>

#include "compiler/infer/infer.h"
#include "ir/finding.h"

namespace nodec {

std::vector<Finding> check_stability(const Graph& graph, const Inference& inference);

// Throws Unstable with all findings when one of them stops a compile.
void require_stable(std::span<const Finding> findings);

}  // namespace nodec
