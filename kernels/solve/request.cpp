// Requests: what is wanted, what is refused, and what every adjoint reads off the forward solve.
#include "kernels/solve/request.h"

#include <algorithm>
#include <unordered_set>

#include "ir/finding.h"

namespace nodec {

Request::Request(const Differentiator& ad, const SolveView& solve) {
  const Op& op = solve.op();
  time = ad.wanted(op, 0) || ad.wanted(op, 1);
  for (std::size_t i = 0; i < solve.capture_count(); ++i) {
    if (ad.wanted(op, solve.first_capture() + i)) captures.push_back(i);
  }
  for (std::size_t i = 0; i < solve.quadratures(); ++i) {
    if (ad.seeded(op, solve.states() + i)) integrals.push_back(i);
  }
}

Derivative Request::derive(Differentiator& ad, const SolveView& solve, bool with_time) const {
  std::vector<int> wrt, seeds;
  if (with_time) wrt.push_back(0);
  const int states = int(solve.states()), first_capture = 1 + states + int(solve.cells());
  for (int i = 0; i < states; ++i) wrt.push_back(1 + i), seeds.push_back(i);
  for (std::size_t i : captures) wrt.push_back(first_capture + int(i));
  for (std::size_t i : integrals) seeds.push_back(states + int(i));
  return ad.derive(solve.dynamics(), wrt, seeds);
}

namespace {

// Which results of `region` depend on its arguments for which `from` holds. A call is looked
// through; any other op passes every operand on to every result.
std::vector<bool> reached(const Region& region, const std::vector<bool>& from) {
  std::unordered_set<const Value*> values;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i]) values.insert(region.arg(i));
  }
  const auto marks = [&](const std::vector<Value*>& list) {
    std::vector<bool> out;
    for (const Value* value : list) out.push_back(values.contains(value));
    return out;
  };
  for (const auto& op : region.ops) {
    const std::vector<bool> in = marks(op->operands);
    const bool any = std::find(in.begin(), in.end(), true) != in.end();
    std::vector<bool> out(op->results.size(), any);
    if (op->primitive == &call_p) out = reached(op->region(), in);
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i]) values.insert(op->result(i));
    }
  }
  return marks(region.results);
}

// Whether reverse mode takes a cell's content as it is: it changes between steps only, the tape
// keeps what each stage made of it, and it does not carry a derivative from step to step.
bool is_given(const SolveView& solve, std::size_t cell) {
  if (!solve.is_per_step(cell) || solve.adjoint() != "discrete" || !solve.keeps_stages()) {
    return false;
  }
  const Region& f = solve.dynamics();
  if (!is_float(f.arg(1 + solve.states() + cell)->type.dtype())) return true;
  std::vector<bool> from(f.args.size(), true);
  for (std::size_t i = 0; i < solve.cells(); ++i) from[1 + solve.states() + i] = false;
  return !reached(f, from)[solve.states() + solve.quadratures() + cell];
}

std::string why_refused(const SolveView& solve, std::size_t cell) {
  if (!solve.is_per_step(cell)) return "";
  if (solve.adjoint() != "discrete") {
    return fmt::format(
        "the {} adjoint solves backwards over a smooth path, and this state changes "
        "it from step to step: take the adjoint 'discrete', or ",
        solve.adjoint());
  }
  if (!solve.keeps_stages()) return "keep the stages (keep_stages), or ";
  return "its new content depends on the solution, which no adjoint follows: ";
}

void refuse_state_feedback(const SolveView& solve) {
  const Region& f = solve.dynamics();
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < solve.cells(); ++i) {
    const std::size_t arg = 1 + solve.states() + i;
    std::vector<bool> from(f.args.size(), false);
    from[arg] = true;
    const std::vector<bool> to = reached(f, from);
    const auto end = to.begin() + long(solve.states() + solve.quadratures());
    if (std::find(to.begin(), end, true) == end || is_given(solve, i)) continue;
    Finding finding;
    finding.code = FindingCode::CountDependent;
    finding.program = ProgramPart::Backward;
    finding.stops = true;
    finding.path = solve.op().attrs.get_or<std::string>("name", "solve");
    finding.variable = f.arg(arg)->name;
    finding.declared = solve.op().where;
    finding.before = finding.after = f.arg(arg)->type;
    finding.help = why_refused(solve, i) +
                   "give the state a policy (Cell(x, StatePolicy::Frozen), or PerSolve), or pass a "
                   "value that is fixed for the solve";
    findings.push_back(std::move(finding));
  }
  if (!findings.empty()) throw Unstable(std::move(findings));
}

}  // namespace

void refuse(const SolveView& solve, const std::string& why, std::string help) {
  std::vector<Note> notes;
  if (solve.op().where.known()) notes.push_back({solve.op().where, "the solve"});
  throw Error(why, std::move(notes), std::move(help));
}

void refuse_undefined(const SolveView& solve) {
  refuse_state_feedback(solve);
  const Values captures = solve.captures();
  const bool reads_tape = std::any_of(captures.begin(), captures.end(), [](const Value* capture) {
    return capture->type.kind() == Type::Kind::Tape;
  });
  if (reads_tape || !solve.tape().empty()) {
    refuse(solve, "the gradient of a solve cannot be differentiated again",
           "take the outer derivative by finite differences of the gradient");
  }
}

void fail_unless_solved(Builder& b, const SolveView& solve) {
  b.op(fail_if_p, {solve.status(), solve.t(), solve.dt(), solve.accepted(), solve.rejected()});
}

Values incoming_cotangents(Builder& b, const SolveView& solve, const Request& request,
                           std::span<Value* const> dy) {
  Values cotangents;
  const auto add_one = [&](std::size_t result) {
    cotangents.push_back(dy[result] ? dy[result] : zeros(b, solve.op().result(result)->type));
  };
  for (std::size_t i = 0; i < solve.states(); ++i) add_one(i);
  for (std::size_t i : request.integrals) add_one(solve.states() + i);
  return cotangents;
}

Value* inner_product(Builder& b, Value* x, Value* y) {
  Value* products = mul(b, x, y);
  return x->type.rank() > 0 ? sum(b, products, all_axes(x->type)) : products;
}

Value* rate_of_change(Builder& b, const SolveView& solve, const Request& request, Value* t,
                      const Values& states, const Values& seeds) {
  Values cells = solve.initial_cells();
  const Evaluation there = Dynamics(solve, solve.captures()).evaluate(b, t, states, cells);
  Values rates = there.slopes;
  for (std::size_t i : request.integrals) rates.push_back(there.integrands[i]);
  Value* total = nullptr;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    Value* term = inner_product(b, rates[i], seeds[i]);
    total = total ? add(b, total, term) : term;
  }
  return total;
}

}  // namespace nodec
