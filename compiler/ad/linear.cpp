// Every value has a degree in the tangents. That of an op's result follows from its gradient rule:
// the op is linear in an operand where the rule's share for it reads neither that operand nor the
// result. Loops raise the degrees of what they carry until nothing changes.
//
// An op so linear in one operand is taken to be 0 where that is; one that is not (an addition)
// says that it is linear in all of them together.
#include "compiler/ad/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "compiler/ad/recording.h"
#include "compiler/ad/rule_region.h"
#include "compiler/ad/value_set.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/solve/view.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

enum class Degree : std::uint8_t { Zero, Constant, Linear, Bent };

Degree sum_of(Degree x, Degree y) {
  if (x == Degree::Zero || y == Degree::Zero || x == y) return std::max(x, y);
  return Degree::Bent;
}

// What a solver's step sizes follow, and so what its discrete adjoint has at zero tangents only.
bool steps_follow(const Op& op) {
  if (op.primitive != &solve_p) return false;
  const SolveView solve(op);
  return solve.method().adaptive && solve.adjoint() == "discrete";
}

class Degrees {
 public:
  Degrees(const Region& rule, const std::vector<int>& wrt) {
    for (const auto& arg : rule.args) degrees_[arg.get()] = Degree::Constant;
    for (const int i : wrt) degrees_[rule.arg(std::size_t(i))] = Degree::Linear;
    sweep(rule);
  }

  Degree of(const Value* value) const { return degrees_.at(value); }
  // The op that bent it.
  const Op& culprit(const Value* value) const { return *culprits_.at(value); }

 private:
  void sweep(const Region& region) {
    for (const auto& op : region.ops) visit(*op);
  }

  void visit(const Op& op) {
    if (op.primitive == &vjp_p || op.primitive == &jvp_p) return request(op);
    if (!op.regions.empty()) return through(op);
    for (const auto& result : op.results) set(result.get(), own(op, result.get()), op);
  }

  void set(const Value* value, Degree degree, const Op& op) {
    degrees_[value] = degree;
    if (degree != Degree::Bent) return;
    const auto bent = std::find_if(op.operands.begin(), op.operands.end(),
                                   [&](const Value* x) { return of(x) == Degree::Bent; });
    culprits_.try_emplace(value, bent == op.operands.end() ? &op : culprits_.at(*bent));
  }

  bool any(const Op& op, Degree degree) const {
    return std::any_of(op.operands.begin(), op.operands.end(),
                       [&](const Value* x) { return of(x) == degree; });
  }

  Degree own(const Op& op, const Value* result) const {
    if (any(op, Degree::Bent)) return Degree::Bent;
    // An integer moves by jumps, if at all.
    if (!has_cotangent(result->type))
      return any(op, Degree::Linear) ? Degree::Bent : Degree::Constant;
    if (const auto number = uniform(result)) {
      return number->is(0.0) || number->is(-0.0) ? Degree::Zero : Degree::Constant;
    }
    const Gradient& gradient = op.primitive->gradient;
    if (gradient.linear) return joined(op);
    for (const Degree degree : {Degree::Linear, Degree::Zero}) {
      if (!any(op, degree)) continue;
      if (gradient.rule != nullptr && is_linear(op, degree)) return degree;
      if (degree == Degree::Linear) return Degree::Bent;
    }
    return Degree::Constant;
  }

  Degree joined(const Op& op) const {
    std::optional<Degree> degree;
    for (const Value* x : op.operands) {
      if (has_cotangent(x->type)) degree = sum_of(degree.value_or(Degree::Zero), of(x));
    }
    return degree.value_or(Degree::Constant);  // made of no float
  }

  // In all operands of this degree together.
  bool is_linear(const Op& op, Degree degree) const {
    const RuleRegion rule = rule_region(op);
    ValueSet needed;
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      if (of(op.operands[i]) != degree) continue;
      if (rule.dx[i] == nullptr) return false;
      needed.insert(rule.dx[i]);
    }
    const auto& ops = rule.region->ops;
    for (auto at = ops.rbegin(); at != ops.rend(); ++at) {
      if (any_result_in(needed, **at))
        needed.insert((*at)->operands.begin(), (*at)->operands.end());
    }
    for (std::size_t i = 0; i < op.operands.size() + op.results.size(); ++i) {
      const bool moves = i >= op.operands.size() || of(op.operands[i]) == degree;
      if (moves && needed.contains(rule.region->arg(i))) return false;
    }
    return true;
  }

  // A request that still stands is linear in the directions it is given.
  void request(const Op& op) {
    const std::size_t args = op.region().args.size(), own = op.region().results.size();
    Degree at = Degree::Constant, direction = Degree::Zero;
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      const Degree degree = of(op.operands[i]);
      if (i >= args) direction = std::max(direction, degree);
      if (i < args && degree >= Degree::Linear) at = Degree::Bent;
    }
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      set(op.result(i), at == Degree::Bent || i < own ? at : direction, op);
    }
  }

  void through(const Op& op) {
    if (is_decided(op) || !(is_open(op) || op.primitive == &solve_p || is_custom(op))) {
      return bend(op, any(op, Degree::Linear) || any(op, Degree::Bent));
    }
    for (const auto& result : op.results) degrees_[result.get()] = Degree::Zero;
    // The body first: what it makes of the carries a test sees too.
    for (std::size_t r = is_custom(op) ? 1 : op.regions.size(); r-- > 0;) run(op, r);
    if (is_loop(op) && of(op.region(0).results.at(0)) >= Degree::Linear) bend(op, true);
  }

  // By an operand that no region takes as it is.
  bool is_decided(const Op& op) const {
    if (steps_follow(op) && any(op, Degree::Linear)) return true;
    for (const Group& group : groups_of(op)) {
      if (group.role != Role::Setting) continue;
      for (std::size_t i = 0; i < group.size; ++i) {
        if (of(op.operands[std::size_t(group.operand) + i]) >= Degree::Linear) return true;
      }
    }
    return false;
  }

  static bool is_custom(const Op& op) {
    return op.primitive == &custom_vjp_p || op.primitive == &custom_jvp_p;
  }

  void bend(const Op& op, bool bent) {
    for (const auto& result : op.results) {
      set(result.get(), bent ? Degree::Bent : Degree::Constant, op);
    }
  }

  void run(const Op& op, std::size_t r) {
    const Region& region = op.region(r);
    const Flow f = flow(op, r);
    for (std::size_t i = 0; i < region.args.size(); ++i) {
      degrees_[region.arg(i)] = Degree::Constant;
      if (f.enters[i] < 0) continue;
      degrees_[region.arg(i)] = Degree::Zero;
      raise(region.arg(i), op.operands[std::size_t(f.enters[i])], op);
      const bool tested = r == 0 && is_loop(op) && i < op.results.size();
      if (tested) raise(region.arg(i), op.result(i), op);
    }
    for (bool changed = true; changed;) {
      changed = false;
      sweep(region);
      for (std::size_t i = 0; i < region.results.size(); ++i) {
        if (f.loops[i] < 0) continue;
        changed |= raise(region.arg(std::size_t(f.loops[i])), region.results[i], op);
      }
    }
    for (std::size_t i = 0; i < region.results.size(); ++i) {
      if (f.leaves[i] < 0) continue;
      const Value* result = op.result(std::size_t(f.leaves[i]));
      raise(result, region.results[i], op);
      if (f.loops[i] >= 0) raise(result, region.arg(std::size_t(f.loops[i])), op);
    }
  }

  bool raise(const Value* to, const Value* from, const Op& op) {
    const Degree before = of(to), after = sum_of(before, of(from));
    degrees_[to] = after;
    if (after == Degree::Bent) {
      culprits_.try_emplace(to, of(from) == Degree::Bent ? culprits_.at(from) : &op);
    }
    return after != before;
  }

  std::unordered_map<const Value*, Degree> degrees_;
  std::unordered_map<const Value*, const Op*> culprits_;
};

}  // namespace

void require_linear(const Region& rule, const std::vector<int>& wrt, const std::vector<int>& seeds,
                    const std::string& what, const SourceLine& asked) {
  const Degrees degrees(rule, wrt);
  for (const int i : seeds) {
    const Value* result = rule.results.at(std::size_t(i));
    const Degree degree = degrees.of(result);
    if (degree == Degree::Zero || degree == Degree::Linear) continue;
    std::vector<Note> notes;
    if (degree == Degree::Bent) {
      const Op& op = degrees.culprit(result);
      const bool joins = op.primitive->gradient.linear;
      const std::string does =
          joins ? "joins what depends on them with what does not" : "is not linear in them";
      notes.push_back({op.where, fmt::format("'{}' {}", op.name(), does)});
    }
    if (asked.known()) notes.push_back({asked, "with a derivative of its own"});
    throw Error(
        fmt::format("a rule that is transposed must be linear in the {}, and {}", what,
                    degree == Degree::Bent
                        ? "this one is not"
                        : fmt::format("result {} of this one does not depend on them", i)),
        std::move(notes),
        fmt::format("make each result a sum of {} times what does not depend on them", what));
  }
}

}  // namespace nodec
