// One attempted step of an explicit Runge-Kutta method, emitted as IR.
//
// The order of every sum is fixed here (semantics, order of sums): a stage's input is the chain
//   z = u;  z = fma(dt a_sq, k_q, z)  for q = 1, 2, ...
// with the coefficient dt a_sq one uniform product, and terms with a_sq = 0 left out. The new state
// is such a chain over b, and for a method whose last stage sits at the new state (FSAL) it *is*
// that stage's input, so that the shared evaluation is taken at exactly the bits that go on.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/build.h"
#include "kernels/solve/landings.h"
#include "kernels/solve/view.h"

namespace nodec {

// What one evaluation of the dynamics gives, cells aside.
struct Evaluation {
  Values slopes, integrands, residuals;

  template <class F>
  void each(F&& f);
};

// How to call the dynamics: every call holds a clone of one region and has one name, so `lower`
// finds them equal and compiles one function. A residual that is an argument of the region (the
// state it was evaluated at) or a slope is not returned again: the caller has it.
class Dynamics {
 public:
  Dynamics(const SolveView& solve, Values captures)
      : Dynamics(solve.dynamics(), solve.states(), solve.stage_integrands(), solve.cells(),
                 std::move(captures)) {
    per_step_ = solve.per_step();
  }
  Dynamics(const Region& region, std::size_t states, std::size_t quadratures, std::size_t cells,
           Values captures, std::string_view name = "dynamics");

  // Evaluations happen in the order they are emitted; each sees the cells the one before left.
  Evaluation evaluate(Builder& b, Value* t, const Values& states, Values& cells) const;

  // What an evaluation sees of the cells: those that change once per step as the step began.
  Values entering(const Values& start, Values now) const;

  // An evaluation without the residuals that are known from elsewhere (they become null), as a
  // loop carries it; and with them again, given where it was taken.
  Evaluation carried(Evaluation evaluation) const;
  Evaluation completed(Evaluation evaluation, Value* t, const Values& states) const;

 private:
  // Where a residual is found.
  enum class Place : std::uint8_t { Own, Argument, Result };
  struct Source {
    Place place = Place::Own;
    std::size_t index = 0;
  };

  Source source_of(const Region& region, const Value* residual) const;

  std::unique_ptr<Region> called_;  // yields own residuals only
  std::size_t states_, quadratures_, cells_;
  std::vector<Source> sources_;
  Values captures_;
  std::string_view name_;
  std::vector<std::int64_t> per_step_;
};

// z + sum over s < count of (dt weights[s]) * stages[s].slopes[i], as the chain above.
Value* advance(Builder& b, Value* z, Value* dt, const double* weights, std::size_t count,
               const std::vector<Evaluation>& stages, std::size_t i);

struct Step {
  std::vector<Evaluation> stages;
  Values states;       // at t + dt
  Values before_last;  // the input of the last stage but one
};

// Where a step starts from.
struct StepStart {
  Value *t, *dt;
  const Values& states;
  Segment segment = {};  // that its stages are evaluated in
};

// `stages` starts with the first evaluation where it is known already (FSAL), else it is empty.
Step take_step(Builder& b, const Method& method, const Dynamics& dynamics, const StepStart& from,
               std::vector<Evaluation> stages, Values& cells);

// The stages below `count` of that step, with the same bits.
std::vector<Evaluation> take_stages(Builder& b, const Method& method, const Dynamics& dynamics,
                                    const StepStart& from, std::size_t count, Values& cells);

// dt * sum_s error_s k_s for state i, as the chain e = (dt error_1) k_1; e = fma(dt error_s, k_s,
// e).
Value* error_estimate(Builder& b, const Method& method, Value* dt,
                      const std::vector<Evaluation>& stages, std::size_t i);

// Uniform value times varying value, and uniform * varying + z.
Value* scaled(Builder& b, Value* factor, Value* x);
Value* scaled_plus(Builder& b, Value* factor, Value* x, Value* z);
// select(pred, x, y) for a uniform pred; x itself when the two are one value.
Value* choose(Builder& b, Value* pred, Value* x, Value* y);

template <class F>
void Evaluation::each(F&& f) {
  const auto list = [&](Values& values, const char* name) {
    for (std::size_t i = 0; i < values.size(); ++i) f(values[i], name + std::to_string(i));
  };
  list(slopes, "k");
  list(integrands, "q");
  list(residuals, "r");
}

}  // namespace nodec
