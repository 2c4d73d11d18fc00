// What a reverse sweep asks of a solve, and the few things every adjoint does alike.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/primitive.h"
#include "kernels/solve/step.h"

namespace nodec {

struct Request {
  bool time = false;                   // a cotangent of t0, t1 or the stops
  bool stops = false;                  // of the stops
  std::vector<std::size_t> captures;   // captures whose cotangents are wanted, by position
  std::vector<std::size_t> integrals;  // integrals that get a cotangent

  // Of the solve in the source or of the augmented one: the answers are equal.
  Request(const Differentiator& ad, const SolveView& solve);

  // The derivative of the dynamics an adjoint needs: with respect to [t,] the states and those
  // captures, seeded by all slopes and those integrands.
  Derivative derive(Differentiator& ad, const SolveView& solve, bool with_time) const;
};

// Error where the solve has no derivative:
//   a derivative is asked for that its own state lacks (state.h);
//   the solve reads or writes a tape, so it belongs to a gradient already: a second derivative.
void refuse_undefined(const Differentiator& ad, const SolveView& solve);
// Error that points at the solve.
[[noreturn]] void refuse(const SolveView& solve, const std::string& why, std::string help);

// Error where the gradient's error is asked for and the method has nothing to tell it by.
void refuse_error_without_weights(const SolveView& solve);

// Stops the program when the solve failed: its gradient must not run.
void fail_unless_solved(Builder& b, const SolveView& solve);
// Stops it when going back through the solve showed that the gradient is not to be relied on.
void fail_if_unreliable(Builder& b, const SolveView& solve, Value* unreliable);

// The cotangents of the final states, then of the requested integrals; zeros where there are none.
Values incoming_cotangents(Builder& b, const SolveView& solve, const Request& request,
                           std::span<Value* const> dy);

// The cotangent of t1, where a successful solve ends, with what came for that result; it may be
// null.
Value* with_final_time(Builder& b, const SolveView& solve, Value* t1, std::span<Value* const> dy);

// Where dL/dt comes from at t, an end of the solve: the sum over all elements of
// f(t, states) * seeds, integrands included.
Value* rate_of_change(Builder& b, const SolveView& solve, const Request& request, Value* t,
                      const Values& states, const Values& seeds);

// The sum over all elements of x * y, and over pairs of values.
Value* inner_product(Builder& b, Value* x, Value* y);
Value* inner_products(Builder& b, const Values& xs, const Values& ys);

}  // namespace nodec
