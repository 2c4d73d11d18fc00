// The ODE solve as one op: du/dt = f(t, u, captures) from t0 to t1. Start reading here.
//
// Its parts are listed in view.h. The type rule holds the dynamics to their contract: slopes have
// the states' types, cells leave as they entered. Its one meaning is its expansion
// (integrate.h): the interpreter runs that too. Differentiation is the business of the adjoint it
// names (adjoint.h); until then it is one op, so that a rule can put another solve in its place.
#include <cmath>

#include "kernels/rules.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/control.h"
#include "kernels/solve/expansion.h"
#include "kernels/solve/finite_times.h"
#include "kernels/solve/frame.h"
#include "kernels/solve/integrate.h"
#include "kernels/solve/push_solve.h"
#include "kernels/solve/request.h"

namespace nodec {
namespace {

// Inference meets values it knows nothing of yet; they fit everywhere.
bool open(const Type& type) {
  return type.kind() == Type::Kind::Any || type.kind() == Type::Kind::Never;
}
bool fits(const Type& got, const Type& wanted) {
  return open(got) || open(wanted) || got == wanted;
}

void expect(const SolveView& s, bool fine, const std::string& message, std::string help = {}) {
  if (!fine) fail(s.op(), message, std::move(help));
}

const double* number_of(const Value* value) {
  if (value->op == nullptr || value->op->primitive != &constant_p) return nullptr;
  const Attr* number = value->op->attrs.find("value");
  return number != nullptr ? std::get_if<double>(number) : nullptr;
}

void check_scalars(const SolveView& s) {
  const Type& time = s.t0()->type;
  expect(s, open(time) || (time.is_scalar() && is_float(time.dtype())),
         fmt::format("takes a float scalar as t0, got {}", time.str()));
  const std::pair<const char*, Value*> scalars[] = {
      {"t1", s.t1()}, {"rtol", s.rtol()}, {"atol", s.atol()}, {"dt0", s.dt0()}};
  for (const auto& [name, value] : scalars) {
    expect(s, fits(value->type, time),
           fmt::format("has a {} of {} but a t0 of {}", name, value->type.str(), time.str()),
           "time and tolerances share the state's dtype");
  }
  expect(s, fits(s.max_steps()->type, Type::scalar(Dtype::I32)),
         fmt::format("takes an i32 scalar as max_steps, got {}", s.max_steps()->type.str()));
}

void check_limits(const SolveView& s) {
  const Type& time = s.t0()->type;
  if (const Value* most = s.dt_max()) {
    expect(s, fits(most->type, time),
           fmt::format("has a dt_max of {} but a t0 of {}", most->type.str(), time.str()),
           "times share the state's dtype");
    expect(s, s.method().adaptive,
           fmt::format("takes steps of one size with '{}', and is given a dt_max", s.method().name),
           "give that size as dt, or name a method that chooses its steps");
    const double* number = number_of(most);
    expect(s, number == nullptr || *number > 0,
           fmt::format("wants a dt_max above 0, got {}", number != nullptr ? *number : 0),
           "leave dt_max out where steps may be of any length");
  }
  const Value* stops = s.stops();
  if (stops == nullptr || open(stops->type) || open(time)) return;
  const bool fine =
      stops->type.is_tensor() && stops->type.rank() == 1 && stops->type.dtype() == time.dtype();
  expect(s, fine,
         fmt::format("takes its stops as a vector of {}, got {}", name(time.dtype()),
                     stops->type.str()),
         "give the times as one vector, in the state's dtype");
}

void check_states(const SolveView& s) {
  expect(s, s.states() > 0, "has no state to integrate");
  const Type& time = s.t0()->type;
  for (std::size_t i = 0; const Value* u : s.initial_states()) {
    expect(s, open(u->type) || u->type.is_tensor(),
           fmt::format("takes tensors as states, state {} is {}", i, u->type.str()));
    expect(s, open(u->type) || open(time) || u->type.dtype() == time.dtype(),
           fmt::format("has a state {} of {} but a t0 of {}", i, u->type.str(), time.str()),
           "give the state, t0 and t1 one float dtype");
    ++i;
  }
}

void check_arguments(const SolveView& s) {
  const Region& f = s.dynamics();
  const std::size_t wanted = 1 + s.states() + s.cells() + s.capture_count();
  expect(s, f.args.size() == wanted,
         fmt::format(
             "gives its dynamics {} arguments (t, {} states, {} cells, {} captures), they take {}",
             wanted, s.states(), s.cells(), s.capture_count(), f.args.size()));
  for (std::size_t i = 0; i < wanted; ++i) {
    const Value* given = i == 0 ? s.t0() : s.op().operands[s.operand_of(i)];
    expect(s, fits(f.arg(i)->type, given->type),
           fmt::format("gives argument {} of its dynamics, which is {}, a value of {}", i,
                       f.arg(i)->type.str(), given->type.str()));
  }
}

void check_results(const SolveView& s) {
  const Values& out = s.dynamics().results;
  const std::size_t n = s.states(), q = s.stage_integrands();
  const std::size_t wanted = n + q + s.cells() + s.residuals();
  expect(s, out.size() == wanted,
         fmt::format("wants {} values of its dynamics ({} slopes, {} integrands, {} cells, {} "
                     "residuals), got {}",
                     wanted, n, q, s.cells(), s.residuals(), out.size()));
  const Values states = s.initial_states(), cells = s.initial_cells();
  for (std::size_t i = 0; i < n; ++i) {
    expect(s, fits(out[i]->type, states[i]->type),
           fmt::format("has a state {} of {} but its dynamics return a slope of {}", i,
                       states[i]->type.str(), out[i]->type.str()),
           "a slope has the type of its state");
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    expect(s, fits(out[n + q + i]->type, cells[i]->type),
           fmt::format("has a cell {} that enters its dynamics as {} and leaves as {}", i,
                       cells[i]->type.str(), out[n + q + i]->type.str()),
           "a cell keeps its type");
  }
}

// Float tensors, from the stages or from a region of their own; bounds are numbers.
void check_integrands(const SolveView& s) {
  const std::size_t bounded = s.bounds_integrals() ? s.quadratures() / 2 : s.quadratures();
  expect(s, s.nodes() <= 4, fmt::format("has no rule of {} nodes", s.nodes()), "take 1 to 4");
  expect(s, s.op().regions.size() >= (s.nodes() > 0 ? 2 : 1), "lacks its integrands");
  if (s.nodes() > 0) {
    const Region& g = s.op().region(1);
    expect(s, g.args.size() == s.dynamics().args.size() && g.results.size() == s.quadratures(),
           fmt::format("wants {} integrands of the arguments of its dynamics, got {} of {}",
                       s.quadratures(), g.results.size(), g.args.size()));
  }
  for (std::size_t i = 0; i < s.quadratures(); ++i) {
    const Type& type = s.integrand(i)->type;
    expect(s, open(type) || (type.is_tensor() && is_float(type.dtype())),
           fmt::format("integrates float tensors, integrand {} is {}", i, type.str()));
    expect(s, i < bounded || fits(type, s.t0()->type),
           fmt::format("has a bound {} of {} but a t0 of {}", i, type.str(), s.t0()->type.str()));
  }
}

void check_along(const SolveView& s) {
  if (!s.goes_along()) return;
  const Type frame = Type::scalar(Dtype::I32);
  expect(s, s.cells() > 0 && fits(s.initial_cells().front()->type, frame),
         "goes along a tape without a frame's number as its first cell");
  const Type* tape = s.capture_count() > 0 ? &s.captures().front()->type : nullptr;
  expect(s, tape != nullptr && (open(*tape) || tape->kind() == Type::Kind::Tape),
         "goes along a tape that is not its first capture");
}

// Also where no derivative is asked for: a misspelled name is wrong where it is written.
void check_adjoint(const SolveView& s) {
  expect(s, find_adjoint(s.adjoint()) != nullptr, fmt::format("knows no adjoint '{}'", s.adjoint()),
         fmt::format("name one of: {}", fmt::join(adjoint_names(), ", ")));
  const auto tolerance = attribute_or<std::string>(s.op(), "adjoint_tolerance", "scaled");
  expect(s, tolerance == "scaled" || tolerance == "peer",
         fmt::format("knows no adjoint tolerance '{}'", tolerance), "name 'scaled' or 'peer'");
  const auto tangent = attribute_or<std::string>(s.op(), "tangent", "steps");
  expect(s, tangent == "steps" || tangent == "norm", fmt::format("knows no tangent '{}'", tangent),
         "name 'steps' or 'norm'");
  const auto norm = attribute_or<std::string>(s.op(), "adjoint_norm", "all");
  expect(s, norm == "all" || norm == "states", fmt::format("knows no adjoint norm '{}'", norm),
         "name 'all' or 'states'");
}

// Of numbers that stand in the program; what is only known at run time ends the solve with a
// status.
void check_first_step(const SolveView& s) {
  const double* dt = number_of(s.dt0());
  expect(s, dt == nullptr || (*dt >= 0 && std::isfinite(*dt)),
         fmt::format("wants a finite dt, 0 or above, got {}", dt != nullptr ? *dt : 0),
         "give the size of the first step, or 0 to have it chosen");
}

void check_step(const SolveView& s) {
  const double* dt = number_of(s.dt0());
  expect(s, dt == nullptr || *dt > 0,
         fmt::format("takes steps of one size with '{}', got a dt of {}", s.method().name,
                     dt != nullptr ? *dt : 0),
         "give dt, the size of a step, above 0");
}

bool is_single(const SolveView& s) {
  const Type& time = s.t0()->type;
  return time.is_tensor() && time.dtype() == Dtype::F32;
}

// Two times that f32 rounds, and with them the span: by an ulp or two of it where they are near 0,
// to nothing where they are seconds since 1970.
void check_span(const SolveView& s) {
  const double *t0 = number_of(s.t0()), *t1 = number_of(s.t1());
  if (!is_single(s) || t0 == nullptr || t1 == nullptr) return;
  const double wanted = *t1 - *t0, got = double(float(*t1)) - double(float(*t0));
  if (!std::isfinite(wanted) || !std::isfinite(got)) return;
  expect(s, std::abs(got - wanted) <= 1e-3 * std::abs(wanted),
         fmt::format("runs from {} to {}, a span of {:.6g} that is {:.6g} in f32", *t0, *t1, wanted,
                     got),
         "solve in f64, or shift the clock so that t0 is near 0");
}

void check_tolerances(const SolveView& s) {
  const bool single = is_single(s);
  const double *rtol = number_of(s.rtol()), *atol = number_of(s.atol());
  for (const auto& [name, given] : {std::pair{"rtol", rtol}, {"atol", atol}}) {
    if (given == nullptr) continue;
    expect(s, *given >= 0 && std::isfinite(single ? float(*given) : *given),
           fmt::format("wants a finite {}, 0 or above, got {}", name, *given),
           "a tolerance is the error that a step may make: 1e-6, say");
    expect(s, !single || *given == 0 || float(*given) > 0,
           fmt::format("got {} = {}, which is 0 as an f32", name, *given),
           "give 0 if that is meant, or solve in f64");
  }
  expect(s, rtol == nullptr || atol == nullptr || *rtol > 0 || *atol > 0,
         "got rtol = 0 and atol = 0, which no step can meet", "give one of the tolerances above 0");
}

void check_attributes(const SolveView& s) {
  check_adjoint(s);
  check_span(s);
  require_site(s.op());
  const Method& method = s.method();
  if (method.adaptive) {
    Controller(s.controller(), 1);
    check_tolerances(s);
    check_first_step(s);
  } else {
    check_step(s);
  }
  for (const std::int64_t cell : s.per_step()) {
    expect(s, cell >= 0 && std::size_t(cell) < s.cells(),
           fmt::format("updates cell {} per step, and has {}", cell, count_of(s.cells(), "cell")));
  }
  expect(s, is_tape_kind(s.tape()), fmt::format("knows no tape of '{}'", s.tape()),
         "name \"\", \"residuals\", \"states\" or \"dense\"");
}

std::vector<Type> solve_type(const Op& op) {
  const SolveView s(op);
  expect(s, !op.regions.empty(), "lacks its dynamics");
  expect(s, op.operands.size() >= s.first_capture(),
         fmt::format("has {} operands, too few for {} settings, {} states and {} cells",
                     op.operands.size(), s.first_state(), s.states(), s.cells()));
  check_attributes(s);
  check_scalars(s);
  check_limits(s);
  check_states(s);
  check_arguments(s);
  check_results(s);
  check_integrands(s);
  check_along(s);
  std::vector<Type> types;
  for (const Value* u : s.initial_states()) types.push_back(u->type);
  for (std::size_t i = 0; i < s.quadratures(); ++i) {
    types.push_back(s.integrand(i)->type);
  }
  for (const Value* cell : s.initial_cells()) types.push_back(cell->type);
  const Type count = Type::scalar(Dtype::I32), time = s.t0()->type;
  for (const Type& type : {count, time, time, count, count, count}) types.push_back(type);
  if (!s.tape().empty()) types.push_back(Type::tape(frame_types(s)));
  return types;
}

std::vector<Group> solve_groups(const Op& op) {
  const SolveView s(op);
  const bool nodes = s.nodes() > 0;
  const int n = int(s.states()), first_cell = 1 + n, first_capture = first_cell + int(s.cells());
  const int cells = n + int(s.quadratures()), residuals = n + int(s.stage_integrands() + s.cells());
  const auto both = [&](Group::Place dynamics, Group::Place integrands) {
    return nodes ? std::vector{dynamics, integrands} : std::vector{dynamics};
  };
  const auto taken = [&](int argument, int result) {
    return both({argument, result}, {argument, -1});
  };
  const std::size_t along = s.goes_along() ? 1 : 0;  // the frame's number, and the tape of frames
  std::vector<Group> groups{
      {Role::Setting, s.first_state(), 0},
      {Role::Clock, 1, 0, -1, taken(0, -1)},
      {Role::State, s.states(), int(s.first_state()), 0, taken(1, 0), "states", {}, s.states()},
      // Integrals that are in the error norm decide the steps, whoever reads them.
      {Role::Integral,
       s.quadratures(),
       -1,
       n,
       nodes ? both({}, {-1, 0}) : both({-1, n}, {}),
       "quadratures",
       {},
       s.bounds_integrals() ? s.quadratures() : 0},
      {Role::Cell,
       s.cells(),
       int(s.first_cell()),
       cells,
       taken(first_cell, n + int(s.stage_integrands())),
       "cells",
       {"per_step"},
       along},
      {Role::Capture,
       s.capture_count(),
       int(s.first_capture()),
       -1,
       taken(first_capture, -1),
       {},
       {},
       along}};
  if (!s.tape().empty()) {
    groups.push_back({Role::Residual, s.residuals(), -1, int(op.results.size()) - 1,
                      both({-1, residuals}, {}), "residuals"});
  }
  return groups;
}

Value* solve_capture(Op& op, std::size_t region, Value* value) {
  op.operands.push_back(value);
  for (const auto& each : op.regions) each->add_arg(value->type, value->name);
  return op.region(region).args.back().get();
}

std::vector<Value*> solve_expand(Builder& b, const Op& op) { return integrate(b, SolveView(op)); }

const Adjoint& adjoint_of(const Op& op) { return *find_adjoint(SolveView(op).adjoint()); }

Augmented solve_augment(Differentiator& ad, Builder& b, const Op& op,
                        std::span<Value* const> operands) {
  const Adjoint& adjoint = adjoint_of(op);
  if (ad.error_wanted() && !adjoint.tells_error) {
    refuse(SolveView(op),
           fmt::format("the {} adjoint cannot tell the error of its gradient", adjoint.name),
           "name the discrete adjoint, or ask for the gradient alone");
  }
  return adjoint.augment(ad, b, op, operands);
}

std::vector<Value*> solve_reverse(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                  std::span<Value* const> dy) {
  std::vector<Value*> dx = adjoint_of(y).reverse(ad, b, y, saved, dy);
  require_finite_times(ad, b, SolveView(y), dx);
  return dx;
}

// Decay towards a target at a rate, both captured: exercises states, captures and time.
void solve_sample(Builder& b, Dtype dtype) {
  Region& program = b.region();
  const Type vector = Type::tensor(dtype, {3}), number = Type::scalar(dtype);
  auto f = std::make_unique<Region>();
  Value* t = f->add_arg(number, "t");
  Value* u = f->add_arg(vector, "u");
  Value* rate = f->add_arg(vector, "rate");
  Builder in(*f);
  Value* target = broadcast_scalar(in, cos(in, t), {3});
  f->results = {mul(in, rate, sub(in, target, u))};
  Value* u0 = program.add_arg(vector, "u0");
  Value* r = program.add_arg(vector, "rate");
  Value* tolerance = scalar(b, dtype, 1e-8);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(f));
  const Op& op = b.op(solve_p,
                      {scalar(b, dtype, 0), scalar(b, dtype, 0.5), tolerance, tolerance,
                       scalar(b, dtype, 0), integer(b, Dtype::I32, 1000), u0, r},
                      {{"method", "tsit5"}, {"states", std::int64_t(1)}}, std::move(regions));
  program.results = {op.result()};
}

}  // namespace

constexpr Primitive solve_p = complete({
    .name = "solve",
    .form = Form::Rewrite,
    .type = solve_type,
    .eval = run_expansion,
    .gradient = {.augment = solve_augment,
                 .reverse = solve_reverse,
                 .push = push_solve,
                 .pushes = has_tangents_in_norm},
    .groups = solve_groups,
    .capture = solve_capture,
    .expand = solve_expand,
    .sample = solve_sample,
});

}  // namespace nodec
