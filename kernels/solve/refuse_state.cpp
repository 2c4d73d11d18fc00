// Dependence is followed through the dynamics twice: of data, which says what reads a cell, and of
// derivatives, which says whether that has one.
#include "kernels/solve/refuse_state.h"

#include <algorithm>
#include <unordered_set>

#include "ir/finding.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

enum class Follow : std::uint8_t { Data, Derivatives };
using Marks = std::vector<bool>;

class Reach {
 public:
  explicit Reach(Follow follow) : follow_(follow) {}

  // Which results of `region` depend on its arguments for which `from` holds. Calls and branches
  // are looked through; any other op passes every operand on to every result.
  Marks results(const Region& region, const Marks& from) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i]) mark(region.arg(i));
    }
    for (const auto& op : region.ops) pass(*op);
    Marks reached;
    for (const Value* result : region.results) reached.push_back(values_.contains(result));
    return reached;
  }

 private:
  void mark(const Value* value) {
    const Type& type = value->type;
    const bool differentiable = type.is_tensor() && is_float(type.dtype());
    if (follow_ == Follow::Data || differentiable) values_.insert(value);
  }

  void pass(const Op& op) {
    const bool blocks = op.primitive->gradient.rule == no_cotangents;
    if (follow_ == Follow::Derivatives && blocks) return;
    const bool chooses = op.primitive == &cond_p && values_.contains(op.operands[0]);
    if (!chooses && (op.primitive == &call_p || op.primitive == &cond_p)) return enter(op);
    const bool any = std::any_of(op.operands.begin(), op.operands.end(),
                                 [&](const Value* v) { return values_.contains(v); });
    for (const auto& result : op.results) {
      if (any) mark(result.get());
    }
  }

  void enter(const Op& op) {
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      const Flow f = flow(op, r);
      Marks from;
      for (const int operand : f.enters) {
        from.push_back(values_.contains(op.operands.at(std::size_t(operand))));
      }
      const Marks to = results(op.region(r), from);
      for (std::size_t i = 0; i < to.size(); ++i) {
        if (to[i]) mark(op.result(i));
      }
    }
  }

  Follow follow_;
  std::unordered_set<const Value*> values_;
};

Marks reached(const Region& region, const Marks& from, Follow follow) {
  return Reach(follow).results(region, from);
}

class State {
 public:
  State(const Differentiator& ad, const SolveView& solve) : ad_(ad), solve_(solve) {
    find_varied();
  }

  std::vector<Finding> refused() const {
    std::vector<Finding> findings;
    for (std::size_t i = 0; i < solve_.cells(); ++i) {
      if (feeds(i, Follow::Data) && !is_given(i)) {
        findings.push_back(finding(i, why_not_given(i) +
                                          "give the state a policy (Cell(x, StatePolicy::Frozen), "
                                          "or PerSolve), or pass a value that is fixed for the "
                                          "solve"));
      } else if (leaves_derivative(i)) {
        findings.push_back(finding(i,
                                   "no adjoint follows what a solve leaves in its state: declare "
                                   "it Cell(x, StatePolicy::PerSolve), or compute it after the "
                                   "solve, from the solution"));
      }
    }
    return findings;
  }

 private:
  std::size_t argument(std::size_t cell) const { return 1 + solve_.states() + cell; }
  std::size_t result(std::size_t cell) const {
    return solve_.states() + solve_.quadratures() + cell;
  }

  // What varies with the inputs of the derivative, as arguments and results of the dynamics. States
  // and cells come back as arguments of the next run.
  void find_varied() {
    const Op& op = solve_.op();
    const bool time = ad_.wanted(op, 0) || ad_.wanted(op, 1);
    for (std::size_t i = 0; i < solve_.dynamics().args.size(); ++i) {
      const bool moves = time && i <= solve_.states();
      varied_.push_back(moves || (i > 0 && ad_.wanted(op, solve_.operand_of(i))));
    }
    for (Marks before; before != varied_;) {
      before = varied_;
      varied_results_ = reached(solve_.dynamics(), varied_, Follow::Derivatives);
      const auto comes_back = [&](std::size_t from, std::size_t to) {
        if (varied_results_[from]) varied_[to] = true;
      };
      for (std::size_t i = 0; i < solve_.states(); ++i) comes_back(i, 1 + i);
      for (std::size_t i = 0; i < solve_.cells(); ++i) comes_back(result(i), argument(i));
    }
  }

  // Whether a slope or integrand depends on the content as a run begins.
  bool feeds(std::size_t cell, Follow follow) const {
    Marks from(solve_.dynamics().args.size(), false);
    from[argument(cell)] = true;
    const Marks to = reached(solve_.dynamics(), from, follow);
    const auto end = to.begin() + long(solve_.states() + solve_.quadratures());
    return std::find(to.begin(), end, true) != end;
  }

  // Whether reverse mode takes what is read as it is: it changes between steps only, the tape keeps
  // what each stage made of it, and no derivative goes through it.
  bool is_given(std::size_t cell) const {
    if (!solve_.is_per_step(cell) || solve_.adjoint() != "discrete" || !solve_.keeps_stages()) {
      return false;
    }
    return !varied_[argument(cell)] || !feeds(cell, Follow::Derivatives);
  }

  std::string why_not_given(std::size_t cell) const {
    if (!solve_.is_per_step(cell)) return "";
    if (solve_.adjoint() != "discrete") {
      return fmt::format(
          "the {} adjoint solves backwards over a smooth path, and this state changes "
          "it from step to step: take the adjoint 'discrete', or ",
          solve_.adjoint());
    }
    if (!solve_.keeps_stages()) return "keep the stages (keep_stages), or ";
    return "its content depends on the solution or on parameters, which no adjoint follows: ";
  }

  // A solve of no steps leaves the first content.
  bool leaves_derivative(std::size_t cell) const {
    return ad_.seeded(solve_.op(), result(cell)) &&
           (varied_results_[result(cell)] || varied_[argument(cell)]);
  }

  Finding finding(std::size_t cell, std::string help) const {
    const Value& arg = *solve_.dynamics().arg(argument(cell));
    Finding finding;
    finding.code = FindingCode::CountDependent;
    finding.program = ProgramPart::Backward;
    finding.stops = true;
    finding.path = solve_.op().attrs.get_or<std::string>("name", "solve");
    finding.variable = arg.name;
    finding.declared = solve_.op().where;
    finding.before = finding.after = arg.type;
    finding.help = std::move(help);
    return finding;
  }

  const Differentiator& ad_;
  const SolveView& solve_;
  Marks varied_, varied_results_;  // arguments and results of the dynamics
};

}  // namespace

void refuse_state(const Differentiator& ad, const SolveView& solve) {
  std::vector<Finding> findings = State(ad, solve).refused();
  if (!findings.empty()) throw Unstable(std::move(findings));
}

}  // namespace nodec
