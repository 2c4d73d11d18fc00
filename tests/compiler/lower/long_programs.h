// Programs that are long in every way a program can be: for tests of what is cut.
#pragma once

#include "compiler/nodec.h"

namespace nodec::testing {

// `n` operations by turns on a few values that all feed each other.
inline std::vector<Var> mixed(std::vector<Var> v, int n) {
  for (int i = 0; i < n; ++i) {
    const std::size_t at = std::size_t(i) % v.size(), next = (at + 1) % v.size();
    const std::size_t far = (at + 3) % v.size();
    switch (i % 6) {
      case 0:
        v[at] = sin(v[at]) + v[next];
        break;
      case 1:
        v[at] = v[at] * v[next] * 0.5;
        break;
      case 2:
        v[at] = tanh(v[far] - v[at]);
        break;
      case 3:
        v[at] = v[at] * 0.75 + v[far] * 0.125;
        break;
      case 4:
        v[at] = select(v[at] < v[far], v[next], v[at] * 0.5);
        break;
      default:
        v[at] = v[next] / (v[at] * v[at] + 1.5);
    }
  }
  return v;
}

// Of the rows of x.
inline Var mixed_sum(const Var& x, int n) {
  std::vector<Var> v;
  for (int i = 0; i < 7; ++i) v.push_back(x.at(i));
  v = mixed(std::move(v), n);
  for (std::size_t i = 1; i < v.size(); ++i) v[0] = v[0] + v[i];
  return v[0];
}

inline std::vector<Var> spread(const Var& y) {
  return {y, y * 0.5, y * 0.25, y + 1.0, y - 1.0, y * y, 1.0 - y};
}

inline Var mixed_of(const Var& y, int n) {
  const std::vector<Var> v = mixed(spread(y), n);
  return v[0] + v[3] * v[5];
}

inline std::shared_ptr<Graph> long_gradient(const Type& type, int n) {
  return trace(
             "gradient", {{"x", type}},
             [n](const Var& x) {
               return value_and_grad([n](const Var& u) { return sum(mixed_sum(u, n)); }, x);
             },
             type.mentions("B") ? "B" : "")
      .graph;
}

// A loop, a branch in it, and what stands between.
inline std::shared_ptr<Graph> long_loop(const Type& type, int n) {
  const auto loss = [n](const Var& x) {
    const Var end = repeat(3, x, [n](const Var& i, const Var& y) {
      const Var next = mixed_of(y, n);
      const Var other = cond(
          i < 2, [&] { return mixed_of(next, n) * 0.5; }, [&] { return sin(next); });
      return tanh(other + mixed_of(next, n));
    });
    return sum(mixed_of(end, n));
  };
  return trace(
             "loop", {{"x", type}}, [&](const Var& x) { return value_and_grad(loss, x); },
             type.mentions("B") ? "B" : "")
      .graph;
}

inline std::shared_ptr<Graph> long_solve(const Type& type, int n, const std::string& adjoint,
                                         const std::string& method = "tsit5") {
  const auto loss = [&](const Var& x, const Var& p) {
    SolveOptions options;
    options.adjoint = adjoint;
    options.method = method;
    if (method == "rk4") options.dt = 0.25;
    const auto slope = [&](const Var& u) { return tanh(mixed_of(u * p, n)) - u; };
    return sum(solve(slope, x, 0.0, 1.0, options).u);
  };
  const Type number = Type::scalar(type.dtype());
  return trace(
             "solve", {{"x", type}, {"p", number}},
             [&](const Var& x, const Var& p) { return value_and_grad(loss, x, p); },
             type.mentions("B") ? "B" : "")
      .graph;
}

// Of all these, with and without samples.
inline std::vector<std::shared_ptr<Graph>> long_programs(int n) {
  const Dim batch = Dim::symbol("B");
  std::vector<std::shared_ptr<Graph>> all;
  for (const Type& type : {f64({7}), f32({7, batch}), f64({7, 40}), f64({7, 3, batch})}) {
    all.push_back(long_gradient(type, n));
  }
  for (const Type& type : {f64(), f32({batch}), f64({40}), f64({3, batch})}) {
    all.push_back(long_loop(type, n));
    for (const char* adjoint : {"discrete", "interpolating"}) {
      all.push_back(long_solve(type, n, adjoint));
    }
    all.push_back(long_solve(type, n, "discrete", "rk4"));
  }
  return all;
}

}  // namespace nodec::testing
