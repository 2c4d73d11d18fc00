// A program as a reader thinks of it: bodies (a program, the dynamics of a solve) and in them the
// layers, nested, each with its ops in order. Tables and pictures are drawn from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace nodec {

struct OutlineGroup;

// One op, or a group of them.
struct Item {
  const Op* op = nullptr;
  std::unique_ptr<OutlineGroup> group;
};

struct OutlineGroup {
  enum class Kind { Body, Layer };
  Kind kind = Kind::Body;
  std::string title;               // "layer_3", "solve", "while test"
  std::string layer;               // the path of the layer, or of the layer the body is in
  const Region* region = nullptr;  // a body's own
  const Op* owner = nullptr;       // the op whose body it is; null for the program
  std::size_t which = 0;           // and which of its bodies
  std::vector<Item> items;         // an op with bodies is followed by their groups
};

OutlineGroup outline(const Graph& graph);

// Ops in the group and in all groups inside it.
std::size_t op_total(const OutlineGroup& group);

}  // namespace nodec
