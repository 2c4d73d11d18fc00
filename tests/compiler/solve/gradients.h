// Gradients of a loss through a solve, by an adjoint and by finite differences.
#pragma once

#include <cmath>

#include "compiler/ad/differentiate.h"
#include "ir/verify.h"
#include "tests/kernels/solve/solving.h"

namespace nodec::testing {

// (builder, final states and integrals) -> a scalar.
using Loss = std::function<Value*(Builder&, const Values&)>;

// |u|^2 / 2 over every state and integral.
inline Value* half_square(Builder& b, const Values& us) {
  Value* total = scalar(b, Dtype::F64, 0);
  for (Value* u : us) {
    Value* square = mul(b, u, u);
    if (u->type.rank() > 0) square = sum(b, square, all_axes(u->type));
    total = add(b, total, mul(b, square, scalar(b, Dtype::F64, 0.5)));
  }
  return total;
}

inline std::unique_ptr<Region> loss_region(const Problem& p, const Loss& loss) {
  auto region = std::make_unique<Region>();
  const SolveView view(add_solve(*region, p));
  Values finals = view.final_states();
  for (Value* integral : view.integrals()) finals.push_back(integral);
  Builder b(*region);
  region->results = {loss(b, finals)};
  return region;
}

// The loss as a graph of its own, run again and again at other arguments.
class LossGraph {
 public:
  LossGraph(const Problem& p, const Loss& loss) {
    const auto region = loss_region(p, loss);
    Values args;
    for (const auto& arg : region->args) args.push_back(graph_.body.add_arg(arg->type, arg->name));
    graph_.body.results = Builder(graph_.body).inline_region(*region, args);
    graph_.result_names.resize(1);
  }
  double at(const Problem& p) const { return interpret(graph_, arguments(p)).at(0).real(); }

 private:
  Graph graph_;
};

inline double value(const Problem& p, const Loss& loss) { return LossGraph(p, loss).at(p); }

// The cotangents of t0, t1, the stops, every state, every capture, in this order, flattened; and
// what they tell of their error.
struct Gradient {
  std::vector<double> time, stops, states, captures;
  double error = -1;
};

// What of a gradient is asked for beside the states and captures.
struct Asked {
  bool time = true, error = false;
};

// The loss, then its cotangents, as a vjp over the problem's arguments; last the estimate of their
// error.
inline std::unique_ptr<Region> gradient_region(const Problem& p, const Loss& loss,
                                               Asked asked = {}) {
  auto region = std::make_unique<Region>();
  auto f = loss_region(p, loss);
  Values operands;
  std::vector<std::int64_t> wrt;
  if (asked.time) wrt = {0, 1};
  const std::size_t first = SolveView::kScalars + (p.dt_max ? 1 : 0) + (p.stops.empty() ? 0 : 1);
  for (std::size_t i = 0; i < f->args.size(); ++i) {
    const Value& arg = *f->arg(i);
    operands.push_back(region->add_arg(arg.type, arg.name));
    const std::size_t stops = SolveView::kScalars + (p.dt_max ? 1 : 0), state = i - first;
    const bool is_cell = state >= p.u0.size() && state < p.u0.size() + p.cells.size();
    if (i >= stops && (i < first || !is_cell)) wrt.push_back(std::int64_t(i));
  }
  Builder b(*region);
  operands.push_back(scalar(b, Dtype::F64, 1));
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(f));
  Attrs attrs{{"wrt", wrt}, {"seeds", std::vector<std::int64_t>{0}}};
  if (asked.error) attrs.set("error", true);
  const Op& op = b.op(vjp_p, operands, std::move(attrs), std::move(regions));
  for (const auto& result : op.results) region->results.push_back(result.get());
  return region;
}

inline std::unique_ptr<Graph> gradient_graph(const Problem& p, const Loss& loss, Asked asked = {}) {
  auto graph = std::make_unique<Graph>();
  const auto region = gradient_region(p, loss, asked);
  Values args;
  for (const auto& arg : region->args) args.push_back(graph->body.add_arg(arg->type, arg->name));
  graph->body.results = Builder(graph->body).inline_region(*region, args);
  graph->result_names.resize(graph->body.results.size());
  differentiate(*graph);
  verify(*graph, "differentiate");
  return graph;
}

inline Gradient gradient(const Problem& p, const Loss& loss, Asked asked = {}) {
  std::vector<Array> out = interpret(*gradient_graph(p, loss, asked), arguments(p));
  Gradient g;
  if (asked.error) {
    g.error = out.back().real();
    out.pop_back();
  }
  std::size_t first = asked.time ? 3 : 1;
  if (!p.stops.empty()) g.stops = out[first++].reals;
  if (asked.time) g.time = {out[1].real(), out[2].real()};
  for (std::size_t i = first; i < out.size(); ++i) {
    auto& list = i < first + p.u0.size() ? g.states : g.captures;
    list.insert(list.end(), out[i].reals.begin(), out[i].reals.end());
  }
  return g;
}

// Central differences of fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h.
inline Gradient differences(const Problem& p, const Loss& loss, double h = 2e-3) {
  const LossGraph graph(p, loss);
  const auto along = [&](auto move) {
    const auto at = [&](double by) {
      Problem moved = p;
      move(moved, by);
      return graph.at(moved);
    };
    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
  };
  Gradient g;
  g.time.push_back(along([](Problem& q, double by) { q.t0 += by; }));
  g.time.push_back(along([](Problem& q, double by) { q.t1 += by; }));
  const auto each = [&](std::vector<Array> Problem::*list, std::vector<double>& out) {
    for (std::size_t i = 0; i < (p.*list).size(); ++i) {
      for (std::size_t k = 0; k < (p.*list)[i].reals.size(); ++k) {
        out.push_back(along([&](Problem& q, double by) { (q.*list)[i].reals[k] += by; }));
      }
    }
  };
  each(&Problem::u0, g.states);
  each(&Problem::captures, g.captures);
  return g;
}

// The largest difference, relative to the larger of 1 and the value; -1 when one is exactly 0 in
// `want`, which would test nothing.
inline double distance(const std::vector<double>& got, const std::vector<double>& want) {
  double worst = got.size() == want.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < got.size() && i < want.size(); ++i) {
    if (want[i] == 0) return -1;
    const double d = std::abs(got[i] - want[i]) / std::max(1.0, std::abs(want[i]));
    worst = d <= worst ? worst : d;  // a NaN is the worst
    if (std::isnan(d)) return d;
  }
  return worst;
}

inline double distance(const Gradient& got, const Gradient& want) {
  double worst = 0;
  for (double d : {distance(got.time, want.time), distance(got.states, want.states),
                   distance(got.captures, want.captures)}) {
    if (!(d >= 0)) return INFINITY;
    worst = std::max(worst, d);
  }
  return worst;
}

}  // namespace nodec::testing
