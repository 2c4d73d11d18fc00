// Boxes and cells, the two kinds of memory a program's variables may live in: which ops make, read
// and write them, and which memory a value of box type stands for. Stages that tell the two kinds
// apart ask for the primitive.
#pragma once

#include <unordered_map>

#include "ir/graph.h"

namespace nodec {

bool makes_box(const Op& op);
bool loads_box(const Op& op);
bool stores_box(const Op& op);

// Whether some op of the region, however deep, stores to the box that is `box` there.
bool stores_to(const Region& region, const Value* box);

// From every box, through the arguments of regions, to the value that box.new or cell.new made.
using BoxOrigins = std::unordered_map<const Value*, Value*>;
BoxOrigins box_origins(const Region& body);

}  // namespace nodec
