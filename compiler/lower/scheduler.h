// The order of work: which ops run together between two meetings of the team.
//
// The ops of a region are taken in rounds. Each round runs whatever scalar work is ready (every
// thread alike), then tensors without a batch, then the largest set of work on samples that needs
// nothing pending: one Phase. A batch sum made by a phase can be read only after the phase (all
// chunks must have arrived), so it starts the next round. Elementwise work that nothing in the
// phase needs is left for the phase that does: it would only cost a buffer.
#pragma once

#include <vector>

#include "compiler/lower/phases.h"
#include "compiler/lower/team_functions.h"

namespace nodec::lowering {

class Scheduler final : public Bodies {
 public:
  explicit Scheduler(Parts& parts)
      : p_(parts), loops_(parts, *this), phases_(parts, loops_), functions_(parts, *this) {}

  plan::Nodes body(const Region& region, Scope scope) override;

 private:
  std::vector<Task> tasks_of(const Region& region);
  bool run_scalars(Agenda& agenda, plan::Nodes& nodes);
  void add_scalar(const Op& op, plan::Nodes& nodes);
  void add_report(const Op& op, plan::Nodes& nodes);
  bool run_dense(Agenda& agenda, plan::Nodes& nodes);
  bool run_control(Agenda& agenda, Agenda::Work work, plan::Nodes& nodes);

  Parts& p_;
  Loops loops_;
  Phases phases_;
  TeamFunctions functions_;
};

}  // namespace nodec::lowering
