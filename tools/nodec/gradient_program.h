// A program's gradient as a program of its own, and what `nodec check` makes of it: the same by
// another adjoint rule, at other tolerances, and the loss on a line through the inputs.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace nodec {

struct GradientProgram {
  std::unique_ptr<Graph> graph;  // its results are those of one `vjp` in its body, no others
  Op* vjp = nullptr;
  std::size_t of = 1;  // how many such there are in the program; this is the first
  bool asked = true;   // the program asks for it; else its outputs, weighted, are the loss

  GradientProgram copy() const;
  std::vector<std::string> names() const;  // of what the gradient is with respect to
};

// The derivative that the program asks for, the first one with a solve where it asks for several.
// Where it asks for none: that of its float outputs, weighted by further inputs NAME.weight, with
// respect to its float inputs but a solve's tolerances and step sizes. Unstable and InputError
// where there is none to take.
GradientProgram gradient_of(const Graph& traced);

// The adjoint rule of solves that are not in another's dynamics; empty where there is no solve.
std::string rule_of(const GradientProgram& program);
void set_rule(GradientProgram& program, std::string_view rule);

// All solves' rtol and atol, and where a method has none its step. Step caps are lifted.
struct Tolerance {
  double absolute = 0;  // in place of the program's own, or
  double factor = 1;    // times these
};
void set_tolerance(GradientProgram& program, Tolerance tolerance);

// One more result behind the gradient's: the error that it tells of itself, a scalar.
void ask_estimate(GradientProgram& program);

// The loss at x + step * direction, where each x that the gradient is with respect to has a
// direction among the inputs, NAME.direction, and the last input is step, an f64.
std::unique_ptr<Graph> along_a_line(const GradientProgram& program);

// Differentiates, and adds one more result: the evaluations of dynamics in all solves, reverse ones
// included, but those inside of another's dynamics or of loops. i32.
std::unique_ptr<Graph> differentiated(const GradientProgram& program);

}  // namespace nodec
