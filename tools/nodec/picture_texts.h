// What a picture writes into its boxes, and which values it writes where they are used instead of
// drawing an arrow to them: constants, parameters, scalars that come from outside.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ir/graph.h"
#include "kernels/flow.h"
#include "tools/nodec/labels.h"
#include "tools/nodec/outline.h"

namespace nodec {

class PictureTexts {
 public:
  explicit PictureTexts(const Graph& graph) : graph_(graph), labels_(graph) {}

  std::string of(const Value& value, std::string_view layer = {}) const {
    return labels_.of(value, layer);
  }
  bool is_inline(const Value& value) const;
  // "matmul weight, ·": operands that have an arrow are dots.
  std::string label(const Op& op, const OutlineGroup& group) const;
  static std::string tip(const Op& op);
  // What result i of a body is for.
  std::string yield_label(const OutlineGroup& group, const Flow& flow, std::size_t i) const;

 private:
  const Value& original(const Value& value) const;

  const Graph& graph_;
  Labels labels_;
};

}  // namespace nodec
