// What `nodec check` measures: a program's gradient by each adjoint rule, against a reference that
// is as exact as double precision and tight tolerances make it, and that against central
// differences.
//
// Distances are relative as an estimate of a gradient's error is: of each thing the gradient is
// with respect to, the rms of the difference over the rms of the reference; the largest counts.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ir/array.h"
#include "ir/graph.h"

namespace nodec {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct RuleCheck {
  std::string name;     // the adjoint rule's; "reverse mode" where the program has no solve
  std::string refused;  // why it does not apply, or why its runs stop; empty when it is fine
  // In the reference program, from its central differences and from the reference itself.
  double from_differences = kUnknown, from_reference = kUnknown;
  // Of the program as it stands, from the reference; as it reports itself; and from a tenth of its
  // tolerances.
  double distance = kUnknown, estimate = kUnknown, to_tenth = kUnknown;
  std::int64_t f_evals = 0, tape_bytes = 0;
  double time_us = 0;

  bool runs() const { return refused.empty(); }
  bool measured() const;  // and its gradient is finite
};

struct GradientCheck {
  std::vector<std::string> names;  // what the gradient is with respect to
  std::size_t of = 0;              // how many the program asks for; 0: its weighted outputs'
  Bindings sizes;
  std::string not_wide;   // why the reference is not in f64
  double tolerance = 0;   // of the reference
  std::string own;        // the rule that the program names
  std::string reference;  // the rule that came nearest to central differences
  std::vector<RuleCheck> rules;
  std::vector<std::string> custom;  // derivatives of the user's own: "custom_vjp at model.cpp:7"
  std::string use, because;         // the rule to use

  const RuleCheck* rule(const std::string& name) const;
  // How far the program's own gradient is from the reference, or the reference from differences,
  // whichever is worse; infinite where it does not run.
  double worst() const;
};

struct CheckOptions {
  std::vector<std::string> inputs = {};  // as read_inputs takes them; others are made up
  Bindings sizes = {};
  std::uint64_t seed = 0;
  int threads = 1, directions = 3;
  double limit = 0;  // what is near enough
};

GradientCheck check_gradient(const Graph& traced, const CheckOptions& options);

// Names the rule to use, and says why: the fastest of those that are as near to the reference as
// the nearest one, but for a factor of two, or near enough; none where differences contradict them
// all.
void recommend(GradientCheck& check, double enough);

std::string check_text(const std::string& model, const GradientCheck& check);
std::string check_json(const std::string& model, const GradientCheck& check);

}  // namespace nodec
