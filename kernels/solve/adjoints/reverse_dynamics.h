// The reverse solve's operands and dynamics: what it integrates, from t1 back to t0 along the
// forward solve's tape.
#pragma once

#include "ir/rewrite.h"
#include "kernels/solve/frame.h"
#include "kernels/solve/loop.h"
#include "kernels/solve/request.h"

namespace nodec {

// What the reverse dynamics capture: the tape first (attribute along). What the forward solve
// started from enters through the tape alone, where automatic differentiation does not look:
// `origins` are captured beside it, so that a second derivative meets this solve, which refuses it,
// and does not find it independent.
struct Captures {
  Value* tape = nullptr;
  Value* tolerance = nullptr;         // of the integrals, where they are in the error norm
  Values integrals, cells, captures;  // cotangents of the integrals; the forward solve's own
  Values origins;

  template <class F>
  void each(F&& f) {
    f(tape, "tape"), f(tolerance, "tolerance");
    each_of(f, integrals, "ibar"), each_of(f, cells, "cell"), each_of(f, captures, "capture");
    each_of(f, origins, "origin");
  }
};

// The operands of the reverse solve as one bundle, so that it can stand in a branch.
struct ReverseSolve {
  Value *t1 = nullptr, *t0 = nullptr, *rtol = nullptr, *atol = nullptr, *dt0 = nullptr,
        *max_steps = nullptr, *dt_max = nullptr;
  Values lambda;
  Value* frame = nullptr;  // its cell
  Captures captures;

  template <class F>
  void each(F&& f) {
    f(t1, "t1"), f(t0, "t0"), f(rtol, "rtol"), f(atol, "atol"), f(dt0, "dt0");
    f(max_steps, "max_steps"), f(dt_max, "dt_max");
    each_of(f, lambda, "lambda"), f(frame, "frame");
    captures.each(f);
  }
};

struct ReverseDynamics {
  const SolveView& solve;
  const Derivative& derivative;
  std::size_t parameters;  // whose cotangents are integrals
  bool at_nodes;           // these are not among the slopes, but sums over nodes of `integrands`
  bool bounded;            // their sizes are integrated too, for the error norm

  std::unique_ptr<Region> slopes(const ReverseSolve& outside) const;
  std::unique_ptr<Region> integrands(const ReverseSolve& outside) const;

 private:
  Values slopes_and_integrands(Builder& b, Region& region, const ReverseSolve& outside) const;
};

}  // namespace nodec
