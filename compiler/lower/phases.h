// Phases: the work on samples that runs together, and the sums over the batch that end it.
//
// Knows nothing between two phases.
#pragma once

#include <vector>

#include "compiler/lower/agenda.h"
#include "compiler/lower/loops.h"

namespace nodec::lowering {

class Phases {
 public:
  Phases(Parts& parts, Loops& loops) : p_(parts), loops_(loops) {}

  // The largest one that is ready, of the tasks of `region`; false if there is none.
  bool run(Agenda& agenda, plan::Nodes& nodes, const Region& region, Scope scope);
  // What the task reads sample by sample is copied.
  void make_rows(const Task& task, plan::Nodes& nodes);

 private:
  std::vector<Task*> ready_together(Agenda& agenda) const;
  static std::vector<Task*> without_later(const Agenda& agenda, std::vector<Task*> group);
  plan::Nodes tile_nodes(const std::vector<Task*>& group, const Region& region);
  void add(TileList& list, plan::Nodes& nodes, const Task& task, const Region& region);
  void fold_sums(plan::Nodes& nodes, const std::vector<Task*>& group);

  Parts& p_;
  Loops& loops_;
};

}  // namespace nodec::lowering
