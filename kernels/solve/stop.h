// How a solve that failed stops the program, and how the program says which one it was.
#pragma once

#include "kernels/solve/not_finite.h"

namespace nodec {

// fail_if for a solve in a gradient that goes back through `solve`: `end` is its status, t, dt,
// accepted and rejected.
Op& stop_going_back(Builder& b, const SolveView& solve, Values end);

// The attributes that tell which solve an op belongs to: site, reverse. None where it has none.
bool has_site(const Op& solve);
void copy_site(const Op& solve, Op& to);

// Where the status is NonFinite, tells what was not finite first; of a solve that may stop the
// program, which has a number.
void tell_failure(Builder& b, const SolveView& solve, const LastStep& last);

// "u[20]; v[2, 5]": the states' names with their known sizes, which components are counted through.
std::string component_space(const SolveView& solve);

}  // namespace nodec
