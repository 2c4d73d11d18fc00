// Programs that are long in every way a program can be: for tests of what is cut.
#pragma once

#include "compiler/nodec.h"
#include "tools/mixed.h"

namespace nodec::testing {

constexpr std::int64_t kNone = std::int64_t{1} << 40;  // a limit that cuts nothing

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

// Branches, loops and scans one after another, n of each.
inline std::shared_ptr<Graph> long_choices(int n) {
  const auto loss = [n](Var x, const Var& table) {
    for (int i = 0; i < n; ++i) {
      const Var was = x;
      x = cond(
          was > 0.5, [&] { return was * 0.9; }, [&] { return was + sin(sum(table) * (0.1 * i)); });
      x = while_loop(
              x, [](const Var& y) { return y > 0.6; }, [](const Var& y) { return y * 0.7; }) +
          0.4;
      x = scan(x, table, [](const Var& carry, const Var& row) { return carry * row + 0.1; });
    }
    return x;
  };
  return trace("choices", {{"x", f64()}, {"table", f64({6})}},
               [&](const Var& x, const Var& table) { return value_and_grad(loss, x, table); })
      .graph;
}

// Sums of many terms: dynamics that use a large weight and a table, of which each sample picks a
// row, n times.
inline std::shared_ptr<Graph> long_sums(int n) {
  const auto loss = [n](const Var& x, const Var& weight, const Var& table, const Var& picked) {
    const auto slope = [&](Var u) {
      for (int i = 0; i < n; ++i) u = tanh(matmul(weight, u) * gather(table, picked));
      return u;
    };
    return sum(solve(slope, x, 0, 1, {.method = "euler", .dt = 0.5}).u);
  };
  return trace(
             "sums",
             {{"x", f64({65, "B"})},
              {"weight", f64({65, 65})},
              {"table", f64({5})},
              {"picked", i32({"B"})}},
             [&](const Var& x, const Var& weight, const Var& table, const Var& picked) {
               return value_and_grad(
                   [&](const Var& w, const Var& t) { return loss(x, w, t, picked); }, weight,
                   table);
             },
             "B")
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
