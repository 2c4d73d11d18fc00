// Sums over stages and nodes; the formulas stand in the header.
#include "kernels/solve/integrals.h"

#include "kernels/solve/dense.h"

namespace nodec {
namespace {

struct Node {
  double theta, weight;
};

// Gauss-Legendre on [0, 1], exact for polynomials of degree 2n - 1 (Abramowitz and Stegun, Handbook
// of Mathematical Functions, table 25.4, moved from [-1, 1]).
std::vector<Node> gauss_nodes(std::size_t n) {
  switch (n) {
    case 1:
      return {{0.5, 1}};
    case 2:
      return {{0.21132486540518711775, 0.5}, {0.78867513459481288225, 0.5}};
    case 3:
      return {
          {0.11270166537925831148, 5.0 / 18}, {0.5, 8.0 / 18}, {0.88729833462074168852, 5.0 / 18}};
    case 4:
      return {{0.06943184420297371239, 0.17392742256872692869},
              {0.33000947820757186760, 0.32607257743127307131},
              {0.66999052179242813240, 0.32607257743127307131},
              {0.93056815579702628761, 0.17392742256872692869}};
    default:
      NODEC_CHECK(false, "no Gauss-Legendre rule of {} nodes", n);
  }
}

// An integral may be of another dtype than time: the cotangent of a capture that is cast inside.
Value* integral_plus(Builder& b, Value* factor, Value* integrand, Value* integral) {
  return scaled_plus(b, cast(b, factor, integrand->type.dtype()), integrand, integral);
}

// The 2-norm over all elements.
Value* length(Builder& b, Value* x) {
  Value* squares = mul(b, x, x);
  if (x->type.rank() > 0) squares = sum(b, squares, all_axes(x->type));
  return sqrt(b, squares);
}

}  // namespace

// start + dt sum_s weights_s g_s,i as one chain.
Value* Integrals::weighted(Builder& b, Value* start, const IntegralStep& step,
                           const double* weights, std::size_t i) const {
  const Dtype dtype = step.dt->type.dtype();
  for (std::size_t s = 0; s < step.stages.size(); ++s) {
    if (weights[s] == 0) continue;
    Value* factor = mul(b, step.dt, scalar(b, dtype, weights[s]));
    start = integral_plus(b, factor, step.stages[s].integrands[i], start);
  }
  return start;
}

Values Integrals::add(Builder& b, const IntegralStep& step) const {
  if (solve_.nodes() > 0) return at_nodes(b, step);
  Values out;
  for (std::size_t i = 0; i < step.integrals.size(); ++i) {
    out.push_back(weighted(b, step.integrals[i], step, method_.b, i));
  }
  return out;
}

Values Integrals::at_nodes(Builder& b, const IntegralStep& step) const {
  const Dtype dtype = step.dt->type.dtype();
  // The cells are read, and not written: captures like the others.
  Values captures = step.cells, no_cells;
  captures.insert(captures.end(), step.captures.begin(), step.captures.end());
  const Dynamics g(solve_.op().region(1), 0, solve_.quadratures(), 0, captures, "integrands");
  Values out = step.integrals;
  for (const auto& [theta, weight] : gauss_nodes(solve_.nodes())) {
    const Values u = dense_output(b, method_, step.dt, step.states, step.stages, theta);
    Value* t = fma(b, scalar(b, dtype, theta), step.dt, step.t);
    const Evaluation there = g.evaluate(b, t, u, no_cells);
    Value* factor = mul(b, step.dt, scalar(b, dtype, weight));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = integral_plus(b, factor, there.integrands[i], out[i]);
    }
  }
  return out;
}

// Of a step, what the first `count` integrals take.
IntegralStep Integrals::needed(const IntegralStep& step, std::size_t count) const {
  IntegralStep out;
  out.dt = step.dt;
  out.integrals = step.integrals;
  out.integrals.resize(count);
  const bool nodes = solve_.nodes() > 0;
  if (nodes) {
    out.t = step.t, out.states = step.states, out.cells = step.cells;
    out.captures = step.captures;
  }
  const std::size_t used = std::size_t(nodes ? method_.stages : method_.active_stages());
  for (std::size_t s = 0; s < used; ++s) {
    Evaluation stage;
    if (nodes) stage.slopes = step.stages[s].slopes;
    if (!nodes) stage.integrands = step.stages[s].integrands;
    if (!nodes) stage.integrands.resize(count);
    out.stages.push_back(std::move(stage));
  }
  return out;
}

Values Integrals::add_if(Builder& b, Value* accepted, const IntegralStep& step) const {
  const std::size_t count = step.integrals.size() - bounds();
  const IntegralStep inputs = needed(step, count);
  Values out = emit_cond(
      b, accepted, inputs, [&](Builder& in, const IntegralStep& there) { return add(in, there); },
      [](Builder&, const IntegralStep& there) { return there.integrals; });
  for (std::size_t i = count; i < step.integrals.size(); ++i) {
    Value* fresh = weighted(b, step.integrals[i], step, method_.b, i);
    out.push_back(choose(b, accepted, fresh, step.integrals[i]));
  }
  return out;
}

Value* Integrals::error(Builder& b, const IntegralStep& step) const {
  Value* largest = nullptr;
  for (std::size_t i = 0, half = bounds(); i < half; ++i) {
    Value* none = zeros(b, step.integrals[i]->type);
    Value* error = length(b, weighted(b, none, step, method_.error, i));
    error = cast(b, error, step.dt->type.dtype());
    Value* bound = weighted(b, step.integrals[half + i], step, method_.b, half + i);
    Value *zero = zeros(b, error->type), *ratio = div(b, error, bound);
    ratio = select(b, eq(b, error, zero), zero, ratio);
    largest = largest ? max(b, largest, ratio) : ratio;
  }
  return largest;
}

}  // namespace nodec
