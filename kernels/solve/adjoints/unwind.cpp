// The op `unwind`: the reverse loop of the discrete adjoint, from the last accepted step to the
// first. Its parts are listed in unwind.h.
//
// The sums over stages and steps are plain adds onto carried values, acc = add(acc, pbar_s) with
// s = S ... 1: `lower` sees each such chain as one contraction over the batch that goes on from
// step to step (semantics, order of sums). Nothing in the loop is summed over the batch but these:
// what else is told of all samples is kept per sample and folded once, behind the loop.
#include "kernels/solve/adjoints/unwind.h"

#include "ir/members.h"
#include "kernels/rules.h"
#include "kernels/solve/adjoints/per_sample.h"
#include "kernels/solve/expansion.h"

namespace nodec {
namespace {

std::size_t count(const Op& op, std::string_view name) {
  const auto value = attribute_or<std::int64_t>(op, name, 0);
  if (value < 0 || value > 1 << 20) fail(op, fmt::format("cannot have {} {}", value, name));
  return std::size_t(value);
}

const Method& method_of(const Op& op) {
  const Method* method = find_method(attribute<std::string>(op, "method"));
  if (!method) fail(op, fmt::format("names no method '{}'", attribute<std::string>(op, "method")));
  return *method;
}

}  // namespace

Unwind::Unwind(const Op& the_op)
    : op(the_op),
      method(method_of(op)),
      states(count(op, "states")),
      integrals(count(op, "quadratures")),
      invariants(count(op, "invariants")),
      cells(count(op, "cells")),
      integrands(count(op, "integrands")),
      stored(count(op, "stored")),
      time(attribute_or<bool>(op, "time", false)),
      keep(attribute_or<bool>(op, "keep", true)),
      error(attribute_or<bool>(op, "error", false)),
      has_stops(attribute_or<bool>(op, "stops", false)),
      watched(attribute_or<std::vector<std::int64_t>>(op, "watched", {})),
      state_places(attribute_or<std::vector<std::int64_t>>(op, "state_places", {})) {
  require_regions(op, keep ? 1 : 2, keep ? 1 : 2);
  for (const std::int64_t i : watched) {
    if (i < 0 || std::size_t(i) >= states) fail(op, fmt::format("cannot watch state {}", i));
  }
  const Region& reverse = op.region();
  const std::size_t other = invariants + states + integrals, tbar = time ? 1 : 0;
  if (reverse.args.size() < other || reverse.results.size() < states + tbar ||
      (!keep && op.region(1).args.size() < 1 + states + cells)) {
    fail(op, "holds dynamics with too few arguments or results");
  }
  require_operands(op, first_cell() + cells + capture_count());
  used = reverse.args.size() - other;
  params = reverse.results.size() - states - tbar;
  if (!keep) {
    const std::size_t own = states + integrands + cells, all = op.region(1).results.size();
    stored = all - std::min(own, all);
  }
  check();
}

void Unwind::check() const {
  const Type& type = tape()->type;
  if (type.kind() != Type::Kind::Tape || type.elements().size() < 2) {
    fail(op, fmt::format("unwinds the tape of a solve, got {}", type.str()));
  }
  const std::size_t frame = type.elements().size() - 2;
  if (keep ? recorded_stages() * stored > frame : states > frame) {
    fail(op, fmt::format("wants {} of {} values in a frame of {}",
                         count_of(recorded_stages(), "stage"), stored, frame));
  }
  if (stored < used + (time ? states + integrals : 0)) {
    fail(op, fmt::format("wants {} stored values of each stage, got {}", used, stored));
  }
  if (error && !method.tells_reverse_error()) {
    fail(op, fmt::format("tells an error, for which '{}' has no weights", method.name));
  }
  if (state_places.size() != watched.size()) {
    fail(op, fmt::format("watches {}, and tells where a frame has {}",
                         count_of(watched.size(), "state"), state_places.size()));
  }
  for (std::size_t i = 0; i < watched.size(); ++i) {
    const std::int64_t at = state_places[i];
    if (at < 0 || std::size_t(at) >= type.elements().size() ||
        type.elements()[std::size_t(at)] != seeds()[std::size_t(watched[i])]->type) {
      fail(op, fmt::format("has no state {} at place {} of a frame", watched[i], at));
    }
  }
}

Values Unwind::watched_of(const Values& all) const {
  Values some;
  for (const std::int64_t i : watched) some.push_back(all[std::size_t(i)]);
  return some;
}

namespace {

Types unwind_type(const Op& op) {
  require_operands(op, 2);
  scalar_of(op, 1, Dtype::I32);
  const Unwind u(op);
  Types types;
  for (std::size_t i = u.time ? 1 : 0; i < op.region().results.size(); ++i) {
    types.push_back(op.region().results[i]->type);
  }
  for (std::size_t i = 0; i < u.states; ++i) {
    if (types[i] == u.seeds()[i]->type) continue;
    fail(op, fmt::format("the cotangent of state {} is {} but its reverse is {}", i,
                         u.seeds()[i]->type.str(), types[i].str()));
  }
  const Type number = u.tape()->type.elements()[0];
  if (u.time) types.insert(types.end(), 2, number);
  if (u.moves_stops()) types.push_back(u.stops());
  for (std::size_t i = 0; u.error && i < u.gradients(); ++i) types.push_back(types[i]);
  if (u.error) types.push_back(number);
  if (u.watches()) types.push_back(number);
  return types;
}

Sweep start_sweep(Builder& b, const Unwind& u, Values states) {
  Sweep s{.states = std::move(states), .params = {}};
  for (std::size_t i = 0; i < u.params; ++i) {
    s.params.push_back(zeros(b, u.op.result(u.states + i)->type));
  }
  if (u.time) s.stage_times = s.last_length = zeros(b, u.tape()->type.elements()[0]);
  if (u.moves_stops()) s.segment_length = s.last_length, s.stops = zeros(b, u.stops());
  return s;
}

UnwindState start_state(Builder& b, const Unwind& u, Value* last) {
  UnwindState s;
  s.index = last;
  if (u.moves_stops()) s.landing = integer(b, Dtype::I32, 0);
  s.gradient = start_sweep(b, u, u.seeds());
  if (u.error) {
    Values none;
    for (const Value* seed : u.seeds()) none.push_back(zeros(b, seed->type));
    s.error = start_sweep(b, u, std::move(none));
    s.peaks = sample_squares(b, u.seeds(), u.unit());
  }
  s.after = u.final_states();
  s.growth = no_growth(b, sample_squares(b, s.after));
  return s;
}

Values results_of(Builder& b, const Unwind& u, const Sweep& sweep) {
  Values results = sweep.states;
  results.insert(results.end(), sweep.params.begin(), sweep.params.end());
  if (u.time) {
    Value* first = sweep.segment_length ? sweep.segment_length : sweep.last_length;
    results.push_back(sub(b, sweep.stage_times, first));
    results.push_back(sweep.last_length);
    if (sweep.stops) results.push_back(sweep.stops);
  }
  return results;
}

// The root of the mean over all elements, where `squares` are sums per sample.
Value* rms_of_samples(Builder& b, const Values& squares, const Values& states) {
  Value* total = nullptr;
  for (Value* x : squares) {
    if (x->type.rank() > 0) x = sum(b, x, all_axes(x->type));
    total = total ? add(b, total, x) : x;
  }
  Dim count = 0;
  for (const Value* u : states) count = count + element_count(u->type.shape());
  return sqrt(b, div(b, total, cast(b, dim(b, count), total->type.dtype())));
}

// One more invariant of the reverse dynamics, or capture of the forward ones; the last.
Value* unwind_capture(Op& op, std::size_t region, Value* value) {
  const Unwind u(op);
  const bool reverse = region == 0;
  const std::size_t end = u.first_cell() + (reverse ? 0 : u.cells + u.capture_count());
  op.operands.insert(op.operands.begin() + std::ptrdiff_t(end), value);
  if (!reverse) return op.region(region).add_arg(value->type, value->name);
  op.attrs.set("invariants", std::int64_t(u.invariants + 1));
  return insert_argument(op.region(), u.used + u.invariants, value->type, value->name);
}

std::vector<Value*> unwind_expand(Builder& b, const Op& op) {
  const Unwind u(op);
  Value* last = sub(b, u.accepted(), integer(b, Dtype::I32, 1));
  const UnwindEnv env{.tape = u.tape(),
                      .last = u.time ? last : nullptr,
                      .unit = u.unit(),
                      .rtol = u.rtol(),
                      .atol = u.atol(),
                      .integrals = u.integral_seeds(),
                      .invariants = u.invariant_values(),
                      .cells = u.initial_cells(),
                      .captures = u.captures()};
  const UnwindState end = emit_while(
      b, start_state(b, u, last), env,
      [](Builder& in, const UnwindState& s, const UnwindEnv&) {
        return ge(in, s.index, integer(in, Dtype::I32, 0));
      },
      [&](Builder& in, const UnwindState& s, const UnwindEnv& fixed) {
        return reverse_step(in, u, s, fixed);
      });
  Values results = results_of(b, u, end.gradient);
  if (u.error) {
    const Values errors = results_of(b, u, end.error);
    results.insert(results.end(), errors.begin(), errors.end());
    results.push_back(rms_of_samples(b, end.peaks, u.seeds()));
  }
  if (u.watches()) results.push_back(worst_growth(b, end.growth));
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
    .capture = unwind_capture,
    .expand = unwind_expand,
    .sample = unwind_sample,
});

}  // namespace nodec
