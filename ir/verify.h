// Structural invariants of a graph, checked between all stages: isolation, order of definition,
// arity, owner pointers, types as the type rules derive them.
#pragma once

#include "ir/graph.h"

namespace nodec {

// NODEC_CHECKs each invariant; `after` names the stage in the message.
void verify(const Graph& graph, std::string_view after);

}  // namespace nodec
