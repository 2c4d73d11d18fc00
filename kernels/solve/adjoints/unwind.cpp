// The reverse loop of the discrete adjoint (formulas: discrete.cpp), from the last accepted step to
// the first.
//
//   operands  tape, accepted, seeds (one per state, then one per integral), invariants...
//             [keep = false: cells..., captures...], origins...
//   regions   reverse dynamics (stored..., invariants..., seeds...) -> ([tbar,] ubar..., pbar...)
//             [keep = false: forward dynamics (t, states..., cells..., captures...)
//                            -> (slopes..., integrands..., cells..., stored...)]
//   results   dL/du0..., dL/dp... [, dL/dt0, dL/dt1 with attribute time]
//
// The origins, what the forward solve depends on, are not read: the tape hides them from automatic
// differentiation, and a second derivative must meet this op, which has none, not miss it.
//
// A frame is (t, dt, what each stage stored) with keep, else (t, dt, states...). What a stage
// stored is what the reverse dynamics take and, with time, its slopes and the seeded integrands.
//
// The sums over stages and steps are plain adds onto carried values, acc = add(acc, pbar_s) with
// s = S ... 1: `lower` sees each such chain as one contraction over the batch that goes on from
// step to step (semantics, order of sums).
#include "kernels/rules.h"
#include "kernels/solve/expansion.h"
#include "kernels/solve/loop.h"
#include "kernels/solve/request.h"

namespace nodec {
namespace {

// An unwind op with its parts by name.
struct Unwind {
  explicit Unwind(const Op& op);

  const Op& op;
  const Method& method;
  std::size_t states, integrals, invariants, cells, integrands, params, used;
  bool time, keep;

  std::size_t forward_captures() const {
    return keep ? 0 : op.region(1).args.size() - 1 - states - cells;
  }
  std::size_t stages() const { return std::size_t(method.active_stages()); }
  std::size_t first_invariant() const { return 2 + states + integrals; }
  Values operands(std::size_t first, std::size_t count) const {
    return {op.operands.begin() + long(first), op.operands.begin() + long(first + count)};
  }
};

std::size_t count(const Op& op, std::string_view name) {
  const auto value = attribute_or<std::int64_t>(op, name, 0);
  if (value < 0 || value > std::int64_t(op.operands.size())) {
    fail(op, fmt::format("cannot have {} {}", value, name));
  }
  return std::size_t(value);
}

const Method& method_of(const Op& op) {
  const Method* method = find_method(attribute<std::string>(op, "method"));
  if (!method) fail(op, fmt::format("names no method '{}'", attribute<std::string>(op, "method")));
  return *method;
}

Unwind::Unwind(const Op& the_op)
    : op(the_op),
      method(method_of(op)),
      states(count(op, "states")),
      integrals(count(op, "quadratures")),
      invariants(count(op, "invariants")),
      cells(count(op, "cells")),
      integrands(count(op, "integrands")),
      time(attribute_or<bool>(op, "time", false)),
      keep(attribute_or<bool>(op, "keep", true)) {
  require_regions(op, keep ? 1 : 2, keep ? 1 : 2);
  const Region& reverse = op.region();
  const std::size_t other = invariants + states + integrals, tbar = time ? 1 : 0;
  if (reverse.args.size() < other || reverse.results.size() < states + tbar ||
      (!keep && op.region(1).args.size() < 1 + states + cells)) {
    fail(op, "holds dynamics with too few arguments or results");
  }
  require_operands(op, first_invariant() + invariants + cells + forward_captures());
  used = reverse.args.size() - other;
  params = reverse.results.size() - states - tbar;
}

// What each stage leaves for the reverse: with keep in the frame, else as its residuals.
std::size_t stored_values(const Unwind& u, const Type& tape) {
  if (u.keep) return (tape.elements().size() - 2) / u.stages();
  const std::size_t own = u.states + u.integrands + u.cells;
  return u.op.region(1).results.size() - std::min(own, u.op.region(1).results.size());
}

Types unwind_type(const Op& op) {
  const Unwind u(op);
  const Type& tape = op.operands[0]->type;
  if (tape.kind() != Type::Kind::Tape || tape.elements().size() < 2) {
    fail(op, fmt::format("unwinds the tape of a solve, got {}", tape.str()));
  }
  scalar_of(op, 1, Dtype::I32);
  if (stored_values(u, tape) < u.used + (u.time ? u.states + u.integrals : 0)) {
    fail(op, fmt::format("wants {} stored values of each stage, got {}", u.used,
                         stored_values(u, tape)));
  }
  Types types;
  for (std::size_t i = u.time ? 1 : 0; i < op.region().results.size(); ++i) {
    types.push_back(op.region().results[i]->type);
  }
  for (std::size_t i = 0; i < u.states; ++i) {
    if (types[i] == op.operands[2 + i]->type) continue;
    fail(op, fmt::format("the cotangent of state {} is {} but its reverse is {}", i,
                         op.operands[2 + i]->type.str(), types[i].str()));
  }
  if (u.time) types.insert(types.end(), 2, tape.elements()[0]);
  return types;
}

struct State {
  Value* index = nullptr;
  Values lambda, params;
  Value *stage_times = nullptr, *last_length = nullptr;  // sum of tbar; D of the last step

  template <class F>
  void each(F&& f) {
    f(index, "index");
    each_of(f, lambda, "lambda"), each_of(f, params, "dp");
    f(stage_times, "dt_stages"), f(last_length, "dt_last");
  }
};

struct Env {
  Value *tape = nullptr, *last = nullptr;
  Values integrals, invariants, cells, captures;

  template <class F>
  void each(F&& f) {
    f(tape, "tape"), f(last, "last");
    each_of(f, integrals, "seed"), each_of(f, invariants, "fixed");
    each_of(f, cells, "cell"), each_of(f, captures, "capture");
  }
};

// Adds a possibly absent x.
Value* plus(Builder& b, Value* sum, Value* x) { return sum ? add(b, sum, x) : x; }

// The reverse of one step; `emit` once.
class StepReversal {
 public:
  StepReversal(Builder& b, const Unwind& u, const State& before, const Env& env)
      : b_(b), u_(u), env_(env), next_(before), lambda_(before.lambda), kbar_(u.stages()) {
    read_frame(before);
    for (std::size_t s = 0; s < u.stages(); ++s) start_stage(s);
  }

  State emit() {
    for (std::size_t s = u_.stages(); s-- > 0;) {
      if (reached(s)) reverse_stage(s);
    }
    if (u_.time) finish_time();
    next_.index = sub(b_, next_.index, integer(b_, Dtype::I32, 1));
    return next_;
  }

 private:
  Value* factor(double weight) { return mul(b_, dt_, scalar(b_, dt_->type.dtype(), weight)); }
  bool reached(std::size_t s) const {
    return u_.method.b[s] != 0 || (u_.states > 0 && kbar_[s][0] != nullptr);
  }

  void read_frame(const State& before) {
    const Op& frame = tape_read(b_, env_.tape, before.index);
    dt_ = frame.result(1);
    Values rest;
    for (std::size_t i = 2; i < frame.results.size(); ++i) rest.push_back(frame.result(i));
    if (u_.keep) {
      const std::size_t each = rest.size() / u_.stages();
      for (std::size_t s = 0; s < u_.stages(); ++s) {
        stored_.emplace_back(rest.begin() + long(s * each), rest.begin() + long((s + 1) * each));
      }
      return;
    }
    const Dynamics forward(u_.op.region(1), u_.states, u_.integrands, u_.cells, env_.captures);
    Values cells = env_.cells;
    const auto stages =
        take_stages(b_, u_.method, forward, frame.result(0), dt_, rest, u_.stages(), cells);
    for (const Evaluation& stage : stages) stored_.push_back(stage.residuals);
  }

  // dt b_s times the cotangents that reach stage s directly; null where b_s = 0.
  void start_stage(std::size_t s) {
    const double weight = u_.method.b[s];
    Value* w = weight == 0 ? nullptr : factor(weight);
    for (Value* seed : lambda_) kbar_[s].push_back(w ? scaled(b_, w, seed) : nullptr);
    for (Value* seed : env_.integrals) {
      kbar_[s].push_back(w ? scaled(b_, w, seed) : zeros(b_, seed->type));
    }
  }

  void reverse_stage(std::size_t s) {
    Values args(stored_[s].begin(), stored_[s].begin() + long(u_.used));
    args.insert(args.end(), env_.invariants.begin(), env_.invariants.end());
    args.insert(args.end(), kbar_[s].begin(), kbar_[s].end());
    const Op& op = call(b_, std::move(args), clone(u_.op.region()), "dynamics_reverse");
    std::size_t next = 0;
    if (u_.time) add_time(s, op.result(next++));
    for (std::size_t i = 0; i < u_.states; ++i) {
      Value* ubar = op.result(next++);
      next_.lambda[i] = add(b_, next_.lambda[i], ubar);
      for (std::size_t q = 0; q < s; ++q) add_to_stage(q, i, u_.method.a[s][q], ubar);
    }
    for (Value*& sum : next_.params) sum = add(b_, sum, op.result(next++));
  }

  void add_to_stage(std::size_t q, std::size_t i, double weight, Value* ubar) {
    if (weight == 0) return;
    Value*& kbar = kbar_[q][i];
    kbar = kbar ? scaled_plus(b_, factor(weight), ubar, kbar) : scaled(b_, factor(weight), ubar);
  }

  // Stage s's part of the time cotangents: tbar_s, and what the step's own length multiplies.
  void add_time(std::size_t s, Value* tbar) {
    next_.stage_times = add(b_, next_.stage_times, tbar);
    if (u_.method.c[s] != 0) {
      Value* c = scalar(b_, tbar->type.dtype(), u_.method.c[s]);
      length_ = plus(b_, length_, mul(b_, c, tbar));
    }
    for (std::size_t i = 0; i < kbar_[s].size(); ++i) {
      products_ = plus(b_, products_, inner_product(b_, stored_[s][u_.used + i], kbar_[s][i]));
    }
  }

  void finish_time() {
    Value* length = plus(b_, length_, div(b_, products_, dt_));
    Value* is_last = eq(b_, next_.index, env_.last);
    next_.last_length = select(b_, is_last, length, next_.last_length);
  }

  Builder& b_;
  const Unwind& u_;
  const Env& env_;
  State next_;
  const Values lambda_;
  Value* dt_ = nullptr;
  std::vector<Values> stored_;
  std::vector<Values> kbar_;  // per stage: states, then integrals
  Value *length_ = nullptr, *products_ = nullptr;
};

State start_state(Builder& b, const Unwind& u, Value* last) {
  State s{.index = last, .lambda = u.operands(2, u.states), .params = {}};
  for (std::size_t i = 0; i < u.params; ++i) {
    s.params.push_back(zeros(b, u.op.result(u.states + i)->type));
  }
  if (u.time) s.stage_times = s.last_length = zeros(b, u.op.operands[0]->type.elements()[0]);
  return s;
}

std::vector<Value*> unwind_expand(Builder& b, const Op& op) {
  const Unwind u(op);
  Value* last = sub(b, op.operands[1], integer(b, Dtype::I32, 1));
  const std::size_t first_cell = u.first_invariant() + u.invariants;
  const std::size_t first_capture = first_cell + u.cells;
  const Env env{.tape = op.operands[0],
                .last = u.time ? last : nullptr,
                .integrals = u.operands(2 + u.states, u.integrals),
                .invariants = u.operands(u.first_invariant(), u.invariants),
                .cells = u.operands(first_cell, u.cells),
                .captures = u.operands(first_capture, u.forward_captures())};
  const State end = emit_while(
      b, start_state(b, u, last), env,
      [](Builder& in, const State& s, const Env&) {
        return ge(in, s.index, integer(in, Dtype::I32, 0));
      },
      [&](Builder& in, const State& s, const Env& fixed) {
        return StepReversal(in, u, s, fixed).emit();
      });
  Values results = end.lambda;
  results.insert(results.end(), end.params.begin(), end.params.end());
  if (u.time) {
    results.push_back(sub(b, end.stage_times, end.last_length));
    results.push_back(end.last_length);
  }
  return results;
}

// One Euler step of du/dt = -u, whose reverse is ubar = -kbar.
void unwind_sample(Builder& b, Dtype dtype) {
  Value* lambda = sample_arg(b, dtype);
  auto reverse = std::make_unique<Region>();
  Value* kbar = reverse->add_arg(lambda->type, "kbar");
  Builder in(*reverse);
  reverse->results = {neg(in, kbar)};
  Value* zero = integer(b, Dtype::I32, 0);
  Value *t = scalar(b, dtype, 0), *dt = scalar(b, dtype, 0.25);
  Value* tape = tape_write(b, tape_new(b, {t, dt}), zero, {t, dt});
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(reverse));
  const Op& op = b.op(unwind_p, {tape, integer(b, Dtype::I32, 1), lambda},
                      {{"method", "euler"}, {"states", std::int64_t(1)}}, std::move(regions));
  b.region().results = {op.result()};
}

}  // namespace

constexpr Primitive unwind_p = complete({
    .name = "unwind",
    .form = Form::Rewrite,
    .type = unwind_type,
    .eval = run_expansion,
    .gradient = no_gradient("it is the gradient of a solve already; a second derivative through a "
                            "solve is not defined by the discrete adjoint"),
    .expand = unwind_expand,
    .sample = unwind_sample,
});

}  // namespace nodec
