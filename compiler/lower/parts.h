// The parts of one lowering, each over those before it. What decides the order of work (Scheduler,
// Phases, Loops, TeamFunctions) uses them all; they know nothing of it.
#pragma once

#include "compiler/lower/dense_kernels.h"
#include "compiler/lower/frames.h"
#include "compiler/lower/tile_kernels.h"

namespace nodec::lowering {

struct Parts {
  explicit Parts(const Graph& of)
      : graph(of),
        views(of.batch),
        homes(plan, views),
        sums(of, homes),
        tasks(views, sums.chains()),
        rows(homes),
        frames(plan, homes),
        tiles(plan, homes, sums, rows),
        dense(homes, sums, rows) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  const Graph& graph;
  plan::Plan plan;
  Views views;
  Homes homes;
  BatchSums sums;
  Tasks tasks;
  RowReads rows;
  Frames frames;
  TileKernels tiles;
  DenseKernels dense;
};

// Lowers the ops of a region: what loops, branches and functions ask of the scheduler they are part
// of.
class Bodies {
 public:
  virtual plan::Nodes body(const Region& region, Scope scope) = 0;

 protected:
  ~Bodies() = default;
};

}  // namespace nodec::lowering
