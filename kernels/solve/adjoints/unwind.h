// The parts of an `unwind` op by name, what its loop carries, and one turn of the loop. Formulas:
// discrete.cpp; the op itself: unwind.cpp.
//
//   operands  tape, accepted, seeds (one per state, then one per integral), [stops,]
//             [watched: rtol, atol, final states...] [error: unit] invariants...
//             [keep = false: cells..., captures...], origins...
//   regions   reverse dynamics (stored..., invariants..., seeds...) -> ([tbar,] ubar..., pbar...)
//             [keep = false: forward dynamics (t, states..., cells..., captures...)
//                            -> (slopes..., integrands..., cells..., stored...)]
//   results   dL/du0..., dL/dp... [, dL/dt0, dL/dt1 [, dL/dstops] with attribute time]
//             [error: the errors of these in the same order, then the largest rms(lambda) in units]
//             [watched: the worst growth]
//   attrs     method; states, quadratures, cells, integrands, invariants: how many; time, keep,
//             error, stops: whether; watched: the states whose growth is watched, state_places:
//             where a frame has these; stored: values a stage leaves on the tape (keep)
//
// The origins, what the forward solve depends on, are not read: the tape hides them from automatic
// differentiation, and a second derivative must meet this op, which has none, not miss it.
//
// A frame is (t, dt, what each stage stored, ...) with keep, else (t, dt, states...). What a stage
// stored is what the reverse dynamics take and, with time, its slopes and the seeded integrands.
#pragma once

#include "kernels/solve/adjoints/growth.h"
#include "kernels/solve/loop.h"
#include "kernels/solve/request.h"

namespace nodec {

struct Unwind {
  explicit Unwind(const Op& op);

  const Op& op;
  const Method& method;
  std::size_t states, integrals, invariants, cells, integrands, params, used, stored;
  bool time, keep, error, has_stops;
  std::vector<std::int64_t> watched, state_places;

  // Stages whose cotangents lead on, and those that an estimate of the error looks at.
  std::size_t stages() const { return std::size_t(method.active_stages()); }
  std::size_t recorded_stages() const { return error ? std::size_t(method.stages) : stages(); }
  bool moves_stops() const { return has_stops && time; }
  std::size_t gradients() const {
    return states + params + (time ? 2 : 0) + (moves_stops() ? 1 : 0);
  }

  Value* tape() const { return op.operands[0]; }
  Value* accepted() const { return op.operands[1]; }
  Values seeds() const { return operands(2, states); }
  Values integral_seeds() const { return operands(2 + states, integrals); }
  const Type& stops() const { return op.operands[first_watched() - 1]->type; }
  bool watches() const { return !watched.empty(); }
  Value* rtol() const { return watches() ? op.operands[first_watched()] : nullptr; }
  Value* atol() const { return watches() ? op.operands[first_watched() + 1] : nullptr; }
  Values final_states() const { return operands(first_watched() + 2, watched.size()); }
  Values watched_of(const Values& all) const;  // of one value for each state
  Value* unit() const { return error ? op.operands[first_invariant() - 1] : nullptr; }
  Values invariant_values() const { return operands(first_invariant(), invariants); }
  Values initial_cells() const { return operands(first_cell(), cells); }
  Values captures() const { return operands(first_cell() + cells, capture_count()); }

  std::size_t first_cell() const { return first_invariant() + invariants; }
  std::size_t capture_count() const {
    return keep ? 0 : op.region(1).args.size() - 1 - states - cells;
  }

 private:
  std::size_t first_watched() const { return 2 + states + integrals + (has_stops ? 1 : 0); }
  std::size_t first_invariant() const {
    return first_watched() + (watches() ? 2 + watched.size() : 0) + (error ? 1 : 0);
  }
  Values operands(std::size_t first, std::size_t count) const {
    return {op.operands.begin() + long(first), op.operands.begin() + long(first + count)};
  }
  void check() const;
};

// What one sweep adds up: the cotangents, or their errors.
struct Sweep {
  Values states, params;
  // The sum of tbar since the segment's end, and D of the steps that end at t1 and at that end.
  Value *stage_times = nullptr, *last_length = nullptr, *segment_length = nullptr;
  Value* stops = nullptr;

  template <class F>
  void each(F&& f, const std::string& of_states, const std::string& of_params,
            const std::string& of_time) {
    each_of(f, states, of_states), each_of(f, params, of_params);
    f(stage_times, of_time + "_stages"), f(last_length, of_time + "_last");
    f(segment_length, of_time + "_segment"), f(stops, of_time + "_stops");
  }
};

struct UnwindState {
  Value* index = nullptr;
  Value* landing = nullptr;  // 1 + the stop that the step of this turn ends at, or 0
  Sweep gradient, error;
  Values peaks;  // error: per sample, the largest sum of squares of lambda in units
  Values after;  // the watched states as the step of this turn ended
  Growth growth;

  template <class F>
  void each(F&& f) {
    f(index, "index"), f(landing, "landing");
    gradient.each(f, "lambda", "dp", "dt");
    error.each(f, "delta", "dp_error", "dt_error");
    each_of(f, peaks, "peak"), each_of(f, after, "after");
    growth.each(f);
  }
};

struct UnwindEnv {
  Value *tape = nullptr, *last = nullptr, *unit = nullptr, *rtol = nullptr, *atol = nullptr;
  Values integrals, invariants, cells, captures;

  template <class F>
  void each(F&& f) {
    f(tape, "tape"), f(last, "last"), f(unit, "unit"), f(rtol, "rtol"), f(atol, "atol");
    each_of(f, integrals, "seed"), each_of(f, invariants, "fixed");
    each_of(f, cells, "cell"), each_of(f, captures, "capture");
  }
};

// One turn: the reverse of the step in frame `index`.
UnwindState reverse_step(Builder& b, const Unwind& u, const UnwindState& before,
                         const UnwindEnv& env);

}  // namespace nodec
