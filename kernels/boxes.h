// Boxes and cells, the two kinds of memory a program's variables may live in: which ops make, read
// and write them, and which memory a value of box type stands for. Stages that tell the two kinds
// apart ask for the primitive.
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace nodec {

bool makes_box(const Op& op);
bool loads_box(const Op& op);
bool stores_box(const Op& op);

// The lines that a store stands for: one, or several where the loops and branches in front of it
// made what it stores. The last is the op's own, the others are its attributes written_0 and so on.
void set_written(Op& store, const std::vector<SourceLine>& lines);
std::vector<SourceLine> written(const Op& store);

// Whether some op of the region, however deep, stores to the box that is `box` there.
bool stores_to(const Region& region, const Value* box);

// From every box, through the arguments of regions, to the value that box.new or cell.new made.
using BoxOrigins = std::unordered_map<const Value*, Value*>;
BoxOrigins box_origins(const Region& body);

}  // namespace nodec
