// What `nodec types` prints: every argument, result and named value with its inferred type, and the
// findings of the type-stability gate.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compiler/infer/infer.h"
#include "ir/finding.h"
#include "ir/graph.h"

namespace nodec {

// For people. A value that is `any` to a compiler that stops at boxes shows what was proven beside.
std::string types_text(std::string_view model, const Graph& graph, const Inference& inference,
                       std::span<const Finding> findings);
// For programs: one object with `model`, `types` and `findings`.
std::string types_json(std::string_view model, const Graph& graph, const Inference& inference,
                       std::span<const Finding> findings);

}  // namespace nodec
