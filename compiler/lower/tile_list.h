// The kernels of one Tiles node while it is being filled, and values copied to a buffer as they
// are.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "compiler/lower/homes.h"

namespace nodec::lowering {

enum class Scope : std::uint8_t { Team, Chunk };

struct TileList {
  explicit TileList(Homes& homes) : segment(homes.new_segment()) {}

  int segment;
  std::vector<plan::Kernel> kernels;
  struct Place {
    int kernel, compute;
  };
  std::map<const Value*, Place> made;  // values made by this list, and in which kernel

  // The last kernel has made `v`.
  void place(const Value* v) { made[v] = {int(kernels.size()) - 1, -1}; }
};

// The list as a node, if it has kernels: in a phase of its own where the team is at work.
void add_tiles(plan::Nodes& nodes, TileList list, Scope scope);

void add_copy(Homes& homes, TileList& list, const Value* from, plan::Ref to);
plan::DenseKernel dense_copy(Homes& homes, const Value* from, plan::Ref to);

// Values and the buffers they go to.
using Moves = std::vector<std::pair<const Value*, int>>;
void add_copies(Homes& homes, plan::Nodes& nodes, const Moves& moves, Scope scope);

}  // namespace nodec::lowering
