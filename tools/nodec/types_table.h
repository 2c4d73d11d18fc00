// `nodec types` for people: the inputs, then per layer and per op the inferred types, equal parts
// left out. Findings are worded elsewhere (ir/report.h).
#pragma once

#include <string>

#include "compiler/infer/infer.h"
#include "ir/graph.h"

namespace nodec {

struct TableStyle {
  bool colour = false;
  bool prove = true;     // what the fixed point proved beside what is `any` without it
  bool summary = false;  // one line a layer
};

std::string types_table(const Graph& graph, const Inference& inference, const TableStyle& style);

// A type as one compiler or the other sees it.
Type type_seen(const Inference& inference, const Value* value);
Type type_proven(const Inference& inference, const Value* value);

}  // namespace nodec
