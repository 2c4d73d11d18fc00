// The solve op: its operands and attributes from options, its region from the dynamics.
#include "compiler/trace/solve.h"

#include <limits>

#include "compiler/trace/access.h"
#include "compiler/trace/bodies.h"
#include "compiler/trace/collect.h"
#include "compiler/trace/policy.h"
#include "ir/text.h"
#include "kernels/build.h"

namespace nodec {
namespace {

Value* whole(Builder& b, double number, std::string_view what, std::string_view of) {
  constexpr double kMost = std::numeric_limits<std::int32_t>::max();
  if (number >= 0 && number <= kMost && number == std::floor(number)) {
    return integer(b, Dtype::I32, std::int64_t(number));
  }
  throw Error(
      fmt::format("{} of this {} is a whole number from 0 to 2^31 - 1, got {}", what, of, number),
      {{b.where(), ""}}, "give it such a number");
}

std::string help_for(const Type& got, Dtype wanted, std::string_view of) {
  if (got.is_tensor() && got.rank() > 0) {
    return of == "solve" ? "give it one number; for a time of each sample's own, solve from 0 to 1 "
                           "and multiply the dynamics by the span"
                         : "give it one number";
  }
  if (!is_float(wanted)) return fmt::format("cast it to {}", name(wanted));
  return fmt::format("cast it to the {}'s dtype", of == "solve" ? "state" : "loss");
}

}  // namespace

Value* Setting::value(Builder& b, Dtype dtype, std::string_view what, std::string_view of) const {
  const double* number = std::get_if<double>(&value_);
  if (const Named* named = name()) {
    const tracing::Frame* frame = tracing::innermost();
    Collect* collect = frame != nullptr ? frame->record->collect : nullptr;
    if (collect != nullptr) {
      return collect->input(named->name, named->value, dtype, b.where()).value;
    }
    number = &named->value;
  }
  if (number != nullptr) {
    return is_float(dtype) ? scalar(b, dtype, *number) : whole(b, *number, what, of);
  }
  const tracing::Content content = tracing::Access::content(std::get<Var>(value_), b.where());
  const Type& type = content.type;
  if (type == Type::scalar(dtype)) return content.value;
  throw Error(
      fmt::format("{} of this {} is {}, got {}", what, of, Type::scalar(dtype).str(), type.str()),
      {{b.where(), ""}}, help_for(type, dtype, of));
}

Var Setting::variable(Dtype dtype, std::string_view what, Here where) const {
  const SourceLine line = SourceLine::of(where);
  Builder b = tracing::builder_at(line);
  return tracing::Access::make(value(b, dtype, what, "layer"), line);
}

bool Setting::is(double number) const {
  const double* mine = std::get_if<double>(&value_);
  return mine != nullptr && *mine == number;
}

std::optional<Type> Setting::type() const {
  const Var* var = std::get_if<Var>(&value_);
  return var != nullptr ? std::optional(var->type()) : std::nullopt;
}

Value* Setting::content(Builder& b) const {
  return tracing::Access::content(std::get<Var>(value_), b.where()).value;
}

// One constant where all are numbers.
Value* Times::value(Builder& b, Dtype dtype, std::string_view what) const {
  const auto only = times_.front().type();
  if (times_.size() == 1 && only && only->is_tensor() && only->rank() == 1) {
    return times_.front().content(b);
  }
  std::vector<double> numbers;
  std::vector<Value*> parts;
  for (const Setting& time : times_) {
    if (const double* number = time.number()) numbers.push_back(*number);
  }
  const Dim count(std::int64_t(times_.size()));
  if (numbers.size() == times_.size()) return constant(b, dtype, {count}, std::move(numbers));
  for (const Setting& time : times_) {
    parts.push_back(reshape(b, time.value(b, dtype, what), {1}));
  }
  return concat(b, std::move(parts), 0);
}

namespace tracing {
namespace {

Dtype state_dtype(const std::vector<Value*>& u0, const SourceLine& where) {
  for (const Value* u : u0) {
    const bool fits = u->type.is_tensor() && is_float(u->type.dtype()) &&
                      u->type.dtype() == u0.front()->type.dtype();
    if (!fits) {
      throw Error(fmt::format("a state of a solve is {}", u->type.str()), {{where, ""}},
                  "states are float tensors of one dtype; the dynamics can capture the others");
    }
  }
  if (u0.empty()) throw Error("a solve has no state", {{where, ""}}, "give it a u0");
  return u0.front()->type.dtype();
}

void check_derivative(const std::vector<Type>& u0, const std::vector<Type>& du,
                      const SourceLine& where) {
  if (u0.size() != du.size()) {
    throw Error(fmt::format("the dynamics return {} for {}", count_of(du.size(), "value"),
                            count_of(u0.size(), "state")),
                {{where, ""}}, "return one derivative for each state");
  }
  for (std::size_t i = 0; i < u0.size(); ++i) {
    if (u0[i] == du[i]) continue;
    throw Error(
        fmt::format("the dynamics return {} where the state is {}", du[i].str(), u0[i].str()),
        {{where, ""}}, "a derivative has the type of its state");
  }
}

Attrs attributes(const SolveOptions& options, std::size_t states, const std::string& path) {
  Attrs attrs{{"adjoint", options.adjoint},   {"adjoint_tolerance", options.adjoint_tolerance},
              {"cells", std::int64_t{0}},     {"controller", options.controller},
              {"method", options.method},     {"quadratures", std::int64_t{0}},
              {"residuals", std::int64_t{0}}, {"states", std::int64_t(states)},
              {"tape", std::string()}};
  if (!options.keep_stages) attrs.set("keep", false);
  if (options.adjoint_norm != "all") attrs.set("adjoint_norm", options.adjoint_norm);
  if (options.tangent != "steps") attrs.set("tangent", options.tangent);
  if (!options.dt_max.is(0)) attrs.set("dt_max", true);
  if (!options.stops.empty()) attrs.set("stops", true);
  if (!path.empty()) attrs.set("name", path);  // what reports call it
  return attrs;
}

}  // namespace

Var variable(Value* value, const SourceLine& where) { return Access::make(value, where); }

Solved run_solve(const Contents& u0, const Setting& t0, const Setting& t1,
                 const SolveOptions& options, const TracedDynamics& dynamics,
                 const SourceLine& where) {
  const std::vector<Value*> states = flat(u0);
  const Dtype dtype = state_dtype(states, where);
  Builder b = builder_at(where);
  std::vector<Value*> operands{t0.value(b, dtype, "t0"),
                               t1.value(b, dtype, "t1"),
                               options.rtol.value(b, dtype, "rtol"),
                               options.atol.value(b, dtype, "atol"),
                               options.dt.value(b, dtype, "dt"),
                               options.max_steps.value(b, Dtype::I32, "max_steps")};
  if (!options.dt_max.is(0)) operands.push_back(options.dt_max.value(b, dtype, "dt_max"));
  if (!options.stops.empty()) operands.push_back(options.stops.value(b, dtype, "a stop"));
  Opened frame(Body::Closure, "solve", where);
  frame->name = frame->record->path();
  const Content t = add_argument(*frame, Type::scalar(dtype), "t");
  const Contents du = dynamics(add_arguments(*frame, u0, "u"), t);
  set_results(*frame, du);
  frame.close();
  check_derivative(types_of(u0), types_of(du), where);
  std::vector<Value*> captures = end_closure(*frame);
  const PolicyCells cells(*frame, captures, b);
  operands = joined(joined(joined(operands, states), cells.cells()), captures);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(frame->own_region));
  Attrs attrs = attributes(options, states.size(), frame->record->path());
  cells.set_attributes(attrs);
  Op& op = b.op(solve_p, std::move(operands), std::move(attrs), std::move(regions));
  Solved solved;
  std::vector<Value*> values = op.all_results();
  std::span<Value* const> rest(values);
  solved.u = unflat(types_of(u0), rest);
  solved.rest.assign(rest.begin() + std::ptrdiff_t(cells.cells().size()), rest.end());
  if (options.stop_on_failure) {
    const std::vector<Value*>& end = solved.rest;
    b.op(fail_if_p, {end[0], end[1], end[2], end[3], end[4]});
  }
  cells.store_results(op, states.size(), b);
  if (Collect* collect = tracing::current(where).record->collect) {
    const std::vector<Value*>& end = solved.rest;
    collect->solved(tracing::current(where).record->path(),
                    {Content(end[3]), Content(end[4]), Content(end[5])}, where);
  }
  return solved;
}

}  // namespace tracing

bool inside_solve() {
  for (const tracing::Frame* f = tracing::innermost(); f != nullptr; f = f->parent) {
    if (f->what == "solve") return true;
  }
  return false;
}

}  // namespace nodec
