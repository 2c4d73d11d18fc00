// Short names for values and ops, as tables and pictures show them: a constant is its number, a
// parameter loses the layer it is shown in, a value without a name has the %number of the dump.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "ir/graph.h"

namespace nodec {

class Labels {
 public:
  explicit Labels(const Graph& graph);

  // `layer`: where the value is shown ("layer_3.layer_1").
  std::string of(const Value& value, std::string_view layer = {}) const;

 private:
  void add(const Region& region);
  std::unordered_map<const Value*, std::string> numbers_;
};

// A constant of one number.
bool is_plain_constant(const Op& op);
bool is_plain_constant(const Value& value);

// The name the trace gave an op ("layer_3"), else what it is ("solve").
std::string op_title(const Op& op);

// The attributes that a reader of types does not see in the types: "axes = [0]".
std::string attrs_label(const Op& op);

// What a body is to its op: "body", "test", "then", "reverse"; empty when there is but one.
std::string_view region_label(const Op& op, std::size_t region);

// "params.layer_1.weight" is "weight" in "layer_1", and in "chain.layer_1" too.
std::string relative_name(std::string_view name, std::string_view layer);

}  // namespace nodec
