// Solves problems with the interpreter: a Problem is a graph of one solve op whose scalar
// operands are the graph's arguments.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ir/interpret.h"
#include "ir/status.h"
#include "kernels/build.h"
#include "kernels/solve/view.h"

namespace nodec::testing {

// (t, states, cells and captures) -> slopes, then integrands, then cells.
using Slopes = std::function<Values(Builder&, Value*, const Values&, const Values&)>;

struct Problem {
  Slopes f;
  std::vector<Array> u0, captures = {};
  double t0 = 0, t1 = 1, tolerance = 1e-6, dt0 = 0;
  std::optional<double> atol = {};  // else the tolerance
  std::optional<double> dt_max = {};
  std::vector<double> stops = {};
  std::int64_t max_steps = 10000, quadratures = 0;
  std::string method = "tsit5", controller = "pi", adjoint = "discrete", tape = "";
  Attrs more = {};
  std::vector<Array> cells = {};
  Dtype dtype = Dtype::F64;
};

struct Solved {
  std::vector<Array> states, integrals, cells;
  std::int64_t status = 0, accepted = 0, rejected = 0, f_evals = 0;
  double t = 0, dt = 0;

  double u(std::int64_t i = 0) const { return states.at(0).real(i); }
};

// The graph's arguments are the solve's operands.
inline Op& add_solve(Region& region, const Problem& p) {
  const Type number = Type::scalar(p.dtype);
  Values operands;
  for (const char* name : {"t0", "t1", "rtol", "atol", "dt0"}) {
    operands.push_back(region.add_arg(number, name));
  }
  operands.push_back(region.add_arg(Type::scalar(Dtype::I32), "max_steps"));
  if (p.dt_max) operands.push_back(region.add_arg(number, "dt_max"));
  const Type times = Type::tensor(p.dtype, {Dim(std::int64_t(p.stops.size()))});
  if (!p.stops.empty()) operands.push_back(region.add_arg(times, "stops"));
  auto f = std::make_unique<Region>();
  Value* t = f->add_arg(number, "t");
  Values states, captures;
  const auto enter = [&](const std::vector<Array>& arrays, Values& inside, const char* name) {
    for (const Array& array : arrays) {
      inside.push_back(f->add_arg(array.type(), name));
      operands.push_back(region.add_arg(array.type(), name));
    }
  };
  enter(p.u0, states, "u");
  enter(p.cells, captures, "cell");
  enter(p.captures, captures, "p");
  Builder inner(*f), b(region);
  f->results = p.f(inner, t, states, captures);
  Attrs attrs = p.more;
  attrs.set("method", p.method).set("controller", p.controller).set("adjoint", p.adjoint);
  attrs.set("states", std::int64_t(p.u0.size())).set("quadratures", p.quadratures);
  attrs.set("cells", std::int64_t(p.cells.size()));
  if (!p.tape.empty()) attrs.set("tape", p.tape);
  if (p.dt_max) attrs.set("dt_max", true);
  if (!p.stops.empty()) attrs.set("stops", true);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(f));
  return b.op(solve_p, std::move(operands), std::move(attrs), std::move(regions));
}

inline std::vector<Array> arguments(const Problem& p) {
  std::vector<Array> arrays;
  for (double x : {p.t0, p.t1, p.tolerance, p.atol.value_or(p.tolerance), p.dt0}) {
    arrays.push_back(Array::scalar(p.dtype, x));
  }
  arrays.push_back(Array::scalar(Dtype::I32, double(p.max_steps)));
  if (p.dt_max) arrays.push_back(Array::scalar(p.dtype, *p.dt_max));
  if (!p.stops.empty()) {
    arrays.push_back(Array::of({std::int64_t(p.stops.size())}, p.stops, p.dtype));
  }
  arrays.insert(arrays.end(), p.u0.begin(), p.u0.end());
  arrays.insert(arrays.end(), p.cells.begin(), p.cells.end());
  arrays.insert(arrays.end(), p.captures.begin(), p.captures.end());
  return arrays;
}

inline Solved solve(const Problem& p) {
  Graph graph;
  const SolveView view(add_solve(graph.body, p));
  graph.body.results = view.final_states();
  for (Value* value : view.integrals()) graph.body.results.push_back(value);
  for (Value* value : view.final_cells()) graph.body.results.push_back(value);
  for (Value* value :
       {view.status(), view.t(), view.dt(), view.accepted(), view.rejected(), view.f_evals()}) {
    graph.body.results.push_back(value);
  }
  graph.result_names.resize(graph.body.results.size());
  std::vector<Array> out = interpret(graph, arguments(p));
  Solved o;
  const auto counts = out.end() - 6, cells = counts - std::ptrdiff_t(p.cells.size());
  const auto integrals = cells - p.quadratures;
  o.states.assign(out.begin(), integrals);
  o.integrals.assign(integrals, cells);
  o.cells.assign(cells, counts);
  o.status = counts[0].integer(), o.t = counts[1].real(), o.dt = counts[2].real();
  o.accepted = counts[3].integer(), o.rejected = counts[4].integer();
  o.f_evals = counts[5].integer();
  return o;
}

inline bool ends(const Solved& o, Status status) { return o.status == std::int64_t(status); }

// du/dt = f(t, u), to the tolerance of a closed form.
inline Problem scalar_problem(double u0, Value* (*f)(Builder&, Value*, Value*)) {
  return {.f = [f](Builder& b, Value* t, const Values& u, const Values&) -> Values {
            return {f(b, t, u[0])};
          },
          .u0 = {Array::scalar(Dtype::F64, u0)},
          .tolerance = 1e-10};
}

// du/dt = -p u, solved by u0 exp(-p t).
inline Problem decay() {
  return {.f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
            return {neg(b, mul(b, p[0], u[0]))};
          },
          .u0 = {Array::scalar(Dtype::F64, 1.5)},
          .captures = {Array::scalar(Dtype::F64, 0.8)}};
}

// Lotka-Volterra: x' = a x - b x y, y' = d x y - c y with p = (a, b, c, d), u = (x, y).
inline Problem lotka_volterra() {
  return {.f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
            const auto at = [&](Value* v, std::int64_t i) {
              return reshape(b, slice(b, v, 0, i, 1), {});
            };
            Value *x = at(u[0], 0), *y = at(u[0], 1), *xy = mul(b, x, y);
            Value* dx = sub(b, mul(b, at(p[0], 0), x), mul(b, at(p[0], 1), xy));
            Value* dy = sub(b, mul(b, at(p[0], 3), xy), mul(b, at(p[0], 2), y));
            return {concat(b, {reshape(b, dx, {1}), reshape(b, dy, {1})}, 0)};
          },
          .u0 = {Array::of({2}, {1, 1})},
          .captures = {Array::of({4}, {1.5, 1, 3, 1})},
          .t1 = 10};
}

}  // namespace nodec::testing
