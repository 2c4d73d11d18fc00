// Copies, on samples and without, and where a list of kernels goes.
#include "compiler/lower/tile_list.h"

namespace nodec::lowering {

void add_tiles(plan::Nodes& nodes, TileList list, Scope scope) {
  if (list.kernels.empty()) return;
  plan::Node tiles{plan::Tiles{std::move(list.kernels)}};
  if (scope == Scope::Team) {
    plan::Phase phase;
    phase.body.push_back(std::move(tiles));
    nodes.push_back({std::move(phase)});
  } else {
    nodes.push_back(std::move(tiles));
  }
}

void add_copy(Homes& homes, TileList& list, const Value* from, plan::Ref to) {
  homes.enter(list.segment);
  plan::Map map{homes.views().extents(from), {}};
  map.computes.push_back({nullptr, {homes.ref(from)}, std::move(to)});
  list.kernels.emplace_back(std::move(map));
}

plan::DenseKernel dense_copy(Homes& homes, const Value* from, plan::Ref to) {
  return plan::DenseMap{homes.views().element_dims(from),
                        {{nullptr, {homes.ref(from)}, std::move(to)}}};
}

void add_copies(Homes& homes, plan::Nodes& nodes, const Moves& moves, Scope scope) {
  TileList list(homes);
  for (const auto& [from, to] : moves) {
    if (homes.views().varying(from)) {
      add_copy(homes, list, from, homes.ref_to(to, from));
    } else {
      homes.enter(list.segment);
      nodes.push_back({dense_copy(homes, from, homes.ref_to(to, from))});
    }
  }
  add_tiles(nodes, std::move(list), scope);
}

}  // namespace nodec::lowering
