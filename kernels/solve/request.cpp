// Requests: what is wanted, what is refused, and what every adjoint reads off the forward solve.
#include "kernels/solve/request.h"

#include <algorithm>

#include "ir/status.h"
#include "kernels/solve/refuse_state.h"
#include "kernels/solve/stop.h"

namespace nodec {

Request::Request(const Differentiator& ad, const SolveView& solve) {
  const Op& op = solve.op();
  stops = solve.has_stops() && ad.wanted(op, solve.first_state() - 1);
  time = stops || ad.wanted(op, 0) || ad.wanted(op, 1);
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
  Derivative d = ad.derive(solve.dynamics(), wrt, seeds);
  if (d.estimate) {
    refuse(solve, "the error of a gradient through a solve in another's dynamics is not estimated",
           "ask for the gradient alone, and compare it with one at tighter tolerances");
  }
  return d;
}

void refuse(const SolveView& solve, const std::string& why, std::string help) {
  std::vector<Note> notes;
  if (solve.op().where.known()) notes.push_back({solve.op().where, "the solve"});
  throw Error(why, std::move(notes), std::move(help));
}

void refuse_undefined(const Differentiator& ad, const SolveView& solve) {
  const Values captures = solve.captures();
  const bool reads_tape = std::any_of(captures.begin(), captures.end(), [](const Value* capture) {
    return capture->type.kind() == Type::Kind::Tape;
  });
  if (reads_tape || !solve.tape().empty()) {
    refuse(solve, "the gradient of a solve cannot be differentiated again",
           "take the outer derivative by finite differences of the gradient");
  }
  refuse_state(ad, solve);
}

void refuse_error_without_weights(const SolveView& solve) {
  const Method& method = solve.method();
  if (method.tells_reverse_error()) return;
  refuse(solve,
         fmt::format("the error of a gradient through steps of '{}' cannot be told: it has no "
                     "embedded weights",
                     method.name),
         "name tsit5, or ask for the gradient alone and compare it with one at smaller steps");
}

void fail_unless_solved(Builder& b, const SolveView& solve) {
  copy_site(solve.op(), b.op(fail_if_p, {solve.status(), solve.t(), solve.dt(), solve.accepted(),
                                         solve.rejected()}));
}

void fail_if_unreliable(Builder& b, const SolveView& solve, Value* unreliable) {
  const auto status = [&](Status value) { return integer(b, Dtype::I32, std::int64_t(value)); };
  Value *bad = status(Status::GradientUnreliable), *good = status(Status::Success);
  stop_going_back(b, solve,
                  {select(b, unreliable, bad, good), solve.t(), solve.dt(), solve.accepted(),
                   solve.rejected()});
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

Value* with_final_time(Builder& b, const SolveView& solve, Value* t1, std::span<Value* const> dy) {
  Value* dt = dy[std::size_t(solve.t()->index)];
  return dt != nullptr ? add(b, t1, dt) : t1;
}

Value* inner_product(Builder& b, Value* x, Value* y) {
  Value* products = mul(b, x, y);
  return x->type.rank() > 0 ? sum(b, products, all_axes(x->type)) : products;
}

Value* inner_products(Builder& b, const Values& xs, const Values& ys) {
  Value* total = nullptr;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    Value* term = inner_product(b, xs[i], ys[i]);
    total = total ? add(b, total, term) : term;
  }
  return total;
}

Value* rate_of_change(Builder& b, const SolveView& solve, const Request& request, Value* t,
                      const Values& states, const Values& seeds) {
  Values cells = solve.initial_cells();
  if (solve.has_stops()) {
    const auto [first, last] = inner_ends(b, solve.t0(), solve.t1());
    t = t == solve.t0() ? first : last;
  }
  const Evaluation there = Dynamics(solve, solve.captures()).evaluate(b, t, states, cells);
  Values rates = there.slopes;
  for (std::size_t i : request.integrals) rates.push_back(there.integrands[i]);
  return inner_products(b, rates, seeds);
}

}  // namespace nodec
