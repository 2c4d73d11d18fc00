// Elementwise ops of the same extents share one loop, on tiles and on tensors without a batch
// alike: an op joins the first loop that comes after the makers of its operands, or the loop that
// makes one when it is read there element by element; what the loop makes it takes from registers.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/lower/tile_list.h"

namespace nodec::lowering {

// `fresh`: the loop that the op begins when there is none to join.
template <class Map, class Kernel>
void join_map(Homes& homes, std::vector<Kernel>& kernels,
              std::map<const Value*, TileList::Place>& made, const Op& op, Map fresh,
              const plan::Source* index) {
  const Views& views = homes.views();
  const auto map_at = [&](int k) { return std::get_if<Map>(&kernels[std::size_t(k)]); };
  int earliest = 0;
  for (const Value* x : op.operands) {
    const View view = views.resolve(x);
    const auto found = made.find(view.base);
    if (found == made.end()) continue;
    const auto [kernel, compute] = found->second;
    const bool same = compute >= 0 && views.contiguous(x, view) && view.start == 0 &&
                      map_at(kernel)->extents == fresh.extents;
    earliest = std::max(earliest, kernel + (same ? 0 : 1));
  }
  int chosen = -1;
  for (int k = earliest; k < int(kernels.size()) && chosen < 0; ++k) {
    const Map* map = map_at(k);
    if (map && map->extents == fresh.extents && map->computes.at(0).op) chosen = k;
  }
  if (chosen < 0) {
    kernels.push_back(std::move(fresh));
    chosen = int(kernels.size()) - 1;
  }
  plan::Compute compute{&op, {}, {}};
  if (index) compute.operands.push_back(*index);
  for (const Value* x : op.operands) {
    const auto found = made.find(views.resolve(x).base);
    const bool here = found != made.end() && found->second.kernel == chosen;
    if (here) {
      compute.operands.emplace_back(plan::Register{std::size_t(found->second.compute)});
    } else {
      plan::Ref from = homes.ref(x);
      if (x->type.is_scalar()) from.strides.assign(map_at(chosen)->extents.size(), 0);  // a key
      compute.operands.emplace_back(std::move(from));
    }
  }
  const Value* out = op.result();
  compute.to = homes.ref_to(homes.home(out), out);
  std::vector<plan::Compute>& computes = map_at(chosen)->computes;
  computes.push_back(std::move(compute));
  made[out] = {chosen, int(computes.size()) - 1};
}

}  // namespace nodec::lowering
