// Forward mode of a solve that has its tangents in the error norm (attribute tangent = "norm"): a
// solve of both,
//
//   u' = f(t, u, p),   du' = f_u du + f_p dp,   du(t0) = du0 - f(t0, u0) dt0,
//   and at the end  du + f(t1, u1) dt1,
//
// whose steps are as short as the tangents want. Any other solve is expanded and its loop walked:
// the derivative of the steps as they are taken for u alone.
#pragma once

#include <span>

#include "ir/primitive.h"

namespace nodec {

bool has_tangents_in_norm(const Op& solve);

// What such an expansion lacks: where t0 is t1 no step is taken whose length could move, and yet
// the states move with the ends. `results` are those of the expansion.
std::vector<Value*> with_moving_ends(Builder& b, const Op& solve, std::vector<Value*> results);

Pushed push_solve(ForwardDifferentiator& ad, Builder& b, const Op& op,
                  std::span<Value* const> operands, std::span<Value* const> tangents);

}  // namespace nodec
