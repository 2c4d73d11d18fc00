// A solve op with its parts by name, so that nobody counts operands.
//
//   operands  t0, t1, rtol, atol, dt0, max_steps [, dt_max] [, stops], states..., cells...,
//             captures...
//   results   states..., integrals..., cells..., status, t, dt, accepted, rejected, f_evals[, tape]
//   dynamics  (t, states..., cells..., captures...)
//             -> (slopes..., integrands..., cells..., residuals...)
//   attrs     method, controller, adjoint, adjoint_tolerance, adjoint_norm, tangent: names; states,
//   quadratures, cells,
//             residuals: how many; tape: what a frame of the tape holds, for each accepted step
//               ""           there is no tape
//               "residuals"  t, dt, then for each of the first `taped_stages` stages (when not
//               given:
//                            those that enter the new state) its residuals, then the states in
//                            `taped_states`
//               "states"     t, dt, states
//               "dense"      t, dt, states, then for each stage its slopes
//               (and, where there are stops, the stop that the step begins at and the times its
//               stages are clamped to: landings.h)
//             dt_max, stops: whether there is such an operand: the longest step, a scalar above 0;
//             and a vector of times, sorted in the direction of the solve, that steps end at
//             along: whether the solve goes back over another's: its first cell is the number (i32)
//             of that one's frame it is in, its first capture the tape of them; no step goes across
//             the begin of a frame
//             jumps: of a solve along another's: whether that one has stops
//             bounded: whether the first half of the integrals is in the error norm, and the second
//             half says how large their errors may be (integrals.h)
//             nodes: how many Gauss-Legendre nodes of each accepted step the integrands are
//             evaluated at, by a second region of the dynamics' arguments; 0: at its stages
//             keep: whether the discrete adjoint's tape holds the stages (true when not given)
//             per_step: the cells that change only when a step is accepted; all evaluations of a
//             step see them as the step began, and the last one makes the new content. Where it
//             is given, if only as [], no evaluation is shared by two steps: what a pass drops
//             does not change how many there are
//             site: its number in the program, kept by what is derived from it
//             (compiler/passes/number_solves.h); reverse: it goes backwards, for a gradient
//             components: the names and sizes of its states, where they are not its own (stop.h)
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "kernels/solve/method.h"

namespace nodec {

class SolveView {
 public:
  explicit SolveView(const Op& op) : op_(&op) {}

  Value* t0() const { return op_->operands.at(0); }
  Value* t1() const { return op_->operands.at(1); }
  Value* rtol() const { return op_->operands.at(kRtol); }
  Value* atol() const { return op_->operands.at(kAtol); }
  Value* dt0() const { return op_->operands.at(4); }
  Value* max_steps() const { return op_->operands.at(5); }
  Value* dt_max() const { return limits_steps() ? op_->operands.at(kScalars) : nullptr; }
  Value* stops() const { return has_stops() ? op_->operands.at(first_state() - 1) : nullptr; }
  Values initial_states() const { return operands(first_state(), states()); }
  Values initial_cells() const { return operands(first_cell(), cells()); }
  Values captures() const { return operands(first_capture(), capture_count()); }

  std::size_t states() const { return count("states"); }
  std::size_t quadratures() const { return count("quadratures"); }
  std::size_t cells() const { return count("cells"); }
  std::size_t residuals() const { return count("residuals"); }
  std::size_t capture_count() const { return op_->operands.size() - first_capture(); }
  // Cells whose content changes once per accepted step; the others change with every evaluation.
  std::vector<std::int64_t> per_step() const;
  bool is_per_step(std::size_t cell) const;
  bool keeps_stages() const;  // for the reverse sweep; else it computes them again
  bool limits_steps() const;
  bool goes_along() const;
  bool meets_jumps() const;
  bool bounds_integrals() const;
  std::size_t nodes() const { return count("nodes"); }
  // The integrands that the dynamics yield.
  std::size_t stage_integrands() const { return nodes() > 0 ? 0 : quadratures(); }
  bool has_stops() const;
  std::string tape() const { return text("tape", ""); }
  std::size_t taped_stages() const;
  std::vector<std::int64_t> taped_states() const;
  std::string controller() const { return text("controller", "pi"); }
  std::string adjoint() const { return text("adjoint", "discrete"); }
  const Method& method() const;  // Error when there is none of that name

  // Where a group of operands starts; argument i > 0 of the dynamics is operand operand_of(i).
  static constexpr std::size_t kRtol = 2, kAtol = 3, kScalars = 6;
  std::size_t first_state() const {
    return kScalars + (limits_steps() ? 1 : 0) + (has_stops() ? 1 : 0);
  }
  std::size_t operand_of(std::size_t argument) const { return first_state() - 1 + argument; }
  std::size_t first_cell() const { return first_state() + states(); }
  std::size_t first_capture() const { return first_cell() + cells(); }

  Values final_states() const { return results(0, states()); }
  Values integrals() const { return results(states(), quadratures()); }
  Values final_cells() const { return results(states() + quadratures(), cells()); }
  Value* status() const { return counter(0); }
  Value* t() const { return counter(1); }
  Value* dt() const { return counter(2); }
  Value* accepted() const { return counter(3); }
  Value* rejected() const { return counter(4); }
  Value* f_evals() const { return counter(5); }
  Value* tape_result() const { return counter(6); }

  const Region& dynamics() const { return op_->region(0); }
  const Value* integrand(std::size_t i) const {
    return nodes() > 0 ? op_->region(1).results.at(i) : dynamics().results.at(states() + i);
  }
  const Op& op() const { return *op_; }

 private:
  std::size_t count(std::string_view name) const;  // Error when it is no count
  std::string text(std::string_view name, std::string_view fallback) const;
  Values operands(std::size_t first, std::size_t n) const {
    return {op_->operands.begin() + long(first), op_->operands.begin() + long(first + n)};
  }
  Values results(std::size_t first, std::size_t n) const {
    Values out;
    for (std::size_t i = 0; i < n; ++i) out.push_back(op_->result(first + i));
    return out;
  }
  Value* counter(std::size_t i) const {
    return op_->result(states() + quadratures() + cells() + i);
  }

  const Op* op_;
};

}  // namespace nodec
