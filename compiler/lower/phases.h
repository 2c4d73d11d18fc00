// Phases: the work on samples that runs together, and the sums over the batch that end it.
//
// Knows nothing between two phases.
#pragma once

#include <vector>

#include "compiler/lower/loops.h"

namespace nodec::lowering {

class Phases {
 public:
  Phases(Parts& parts, Loops& loops) : p_(parts), loops_(loops) {}

  // The largest one that is ready, of the tasks in `region`; false if there is none.
  bool run(std::vector<Task>& tasks, plan::Nodes& nodes, const Region& region, Scope scope);
  // What the task reads sample by sample is copied.
  void make_rows(const Task& task, plan::Nodes& nodes);

 private:
  std::vector<Task*> ready_together(std::vector<Task>& tasks) const;
  std::vector<Task*> without_later(const std::vector<Task>& tasks, std::vector<Task*> group) const;
  plan::Nodes tile_nodes(const std::vector<Task*>& group, const Region& region);
  void add(TileList& list, plan::Nodes& nodes, const Task& task, const Region& region);
  void fold_sums(plan::Nodes& nodes, const std::vector<Task*>& group);

  Parts& p_;
  Loops& loops_;
};

}  // namespace nodec::lowering
