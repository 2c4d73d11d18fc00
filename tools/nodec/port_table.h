// Inputs and results by their dotted names: leaves of one prefix on one line, a record that has the
// leaves of another one said to be alike.
#pragma once

#include <string>
#include <vector>

namespace nodec {

struct NamedType {
  std::string name;  // "layer_3.layer_1.weight"
  std::string type;
};

struct PortLine {
  std::string prefix;  // "layer_3.layer_1"
  std::string text;    // "weight: f32[10, 20], bias: f32[10]"
};

std::vector<PortLine> port_lines(const std::vector<NamedType>& ports);

}  // namespace nodec
