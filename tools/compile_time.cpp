// What compiling long programs costs the processor, in milliseconds, from the traced graph to code:
// each program small and large. One JSON line for each; `tools/bench compile` reads them. Words
// choose a program, and sizes of it: `compile_time sines 20000`.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>

#include "compiler/nodec.h"
#include "tools/mixed.h"

namespace nodec {
namespace {

using Make = std::function<Traced(int size)>;

Traced sines(int n) {
  return trace("sines", {{"x", f64()}}, [n](Var u) {
    for (int i = 0; i < n; ++i) u = sin(u);
    return u;
  });
}

Traced gradient_of_sines(int n) {
  const auto chain = [n](Var u) {
    for (int i = 0; i < n; ++i) u = sin(u);
    return u;
  };
  return trace("gradient_of_sines", {{"x", f64()}},
               [&](const Var& x) { return value_and_grad(chain, x); });
}

Traced gradient_of_logs(int n) {
  const auto chain = [n](Var u) {
    for (int i = 0; i < n; ++i) u = log(u + 2.0);
    return u;
  };
  return trace("gradient_of_logs", {{"x", f64()}},
               [&](const Var& x) { return value_and_grad(chain, x); });
}

// Every element of a vector in an expression of its own, beside the next one.
Traced wide_gradient(int n) {
  const auto loss = [n](const Var& x) {
    Var total = constant(0.0, Dtype::F64);
    for (int i = 0; i < n; ++i) total = total + sin(x.at(i)) * x.at((i + 1) % n);
    return total;
  };
  return trace("wide_gradient", {{"x", f64({n})}},
               [&](const Var& x) { return value_and_grad(loss, x); });
}

Var vector_steps(Var u, int n) {
  for (int i = 0; i < n; ++i) u = i % 2 ? u * 1.0625 : tanh(u + 0.25);
  return u;
}

Traced vector_chain(int n) {
  return trace("vector_chain", {{"x", f64({100})}}, [n](Var u) { return vector_steps(u, n); });
}

Traced gradient_of_vector_chain(int n) {
  return trace("gradient_of_vector_chain", {{"x", f64({100})}}, [&](const Var& x) {
    return value_and_grad([n](const Var& u) { return sum(vector_steps(u, n)); }, x);
  });
}

Traced samples(int n) {
  return trace(
      "samples", {{"x", f32({4, Dim::symbol("B")})}}, [n](Var u) { return vector_steps(u, n); },
      "B");
}

Traced gradient_of_samples(int n) {
  return trace(
      "gradient_of_samples", {{"x", f32({4, Dim::symbol("B")})}},
      [&](const Var& x) {
        return value_and_grad([n](const Var& u) { return sum(vector_steps(u, n)); }, x);
      },
      "B");
}

Traced gradient_of_mixed(int n) {
  return trace("gradient_of_mixed", {{"x", f64({7})}}, [&](const Var& x) {
    return value_and_grad([n](const Var& u) { return mixed_sum(u, n); }, x);
  });
}

Traced gradient_of_mixed_samples(int n) {
  return trace(
      "gradient_of_mixed_samples", {{"x", f32({7, Dim::symbol("B")})}},
      [&](const Var& x) {
        return value_and_grad([n](const Var& u) { return sum(mixed_sum(u, n)); }, x);
      },
      "B");
}

Traced loop(int n) {
  const auto turn = [n](const Var&, const Var& y) {
    return mixed_sum(stack({y, y * 0.5, y * 0.25, y + 1.0, y - 1.0, y * y, 1.0 - y}), n);
  };
  const auto turns = [&](const Var& x) { return repeat(10, x, turn); };
  return trace("loop", {{"x", f64()}}, [&](const Var& x) { return value_and_grad(turns, x); });
}

Var terms(const Var& u, const Var& p, int n) {
  Var total = -1.0 * u;
  for (int i = 0; i < n; ++i) total = total + sin(u * (0.01 * i) + p) * (1.0 / n);
  return total;
}

Traced solve_of_terms(int n) {
  return trace("solve_of_terms", {{"x", f64()}, {"p", f64()}}, [n](const Var& x, const Var& p) {
    return solve([&](const Var& u) { return terms(u, p, n); }, x, 0.0, 1.0).u;
  });
}

Traced gradient_of_solve(int n, const std::string& adjoint, const Type& type) {
  const auto end = [&](const Var& x, const Var& p) {
    SolveOptions options;
    options.adjoint = adjoint;
    return sum(solve([&](const Var& u) { return terms(u, p, n); }, x, 0.0, 1.0, options).u);
  };
  return trace(
      "gradient_of_solve", {{"x", type}, {"p", f64()}},
      [&](const Var& x, const Var& p) { return value_and_grad(end, x, p); }, "B");
}

Var decayed(const Var& u, const Var& k, int depth) {
  const auto dynamics = [&](const Var& v) {
    return -k * (depth == 1 ? v : decayed(v * 0.5, k, depth - 1));
  };
  return solve(dynamics, u, 0.0, 1.0).u;
}

Traced gradient_of_nested_solves(int depth) {
  return trace("gradient_of_nested_solves", {{"x", f64()}, {"k", f64()}},
               [&](const Var& x, const Var& k) {
                 return value_and_grad(
                     [&](const Var& u, const Var& rate) { return decayed(u, rate, depth); }, x, k);
               });
}

Traced gradient_of_chained_solves(int n) {
  const auto chain = [n](Var u, const Var& k) {
    for (int i = 0; i < n; ++i) u = decayed(u, k, 1);
    return u;
  };
  return trace("gradient_of_chained_solves", {{"x", f64()}, {"k", f64()}},
               [&](const Var& x, const Var& k) { return value_and_grad(chain, x, k); });
}

using Step = std::function<Var(const Var& u, const Var& p, int turn)>;

// `n` steps in a row, with the gradient.
Make chained(const std::string& name, Step step) {
  return [name, step = std::move(step)](int n) {
    const auto chain = [&](Var u, const Var& p) {
      for (int i = 0; i < n; ++i) u = step(u, p, i);
      return sum(u);
    };
    return trace(name, {{"x", f64()}, {"p", f64()}},
                 [&](const Var& x, const Var& p) { return value_and_grad(chain, x, p); });
  };
}

Var product(const Var& u, const Var& p, int) { return u * p + 0.5; }

Var branch(const Var& u, const Var& p, int turn) {
  return cond(
      u > 0.25, [&] { return u * p; }, [&] { return u + 0.01 * turn; });
}

Var scan_of_four(const Var& u, const Var& p, int turn) {
  return repeat(4, u, [&](const Var&, const Var& y) { return sin(y * p + 0.01 * turn); });
}

Var while_below(const Var& u, const Var& p, int turn) {
  return while_loop(
      u, [&](const Var& y) { return y * y < 2.0 + 0.01 * turn; },
      [&](const Var& y) { return y * 1.5 + p; });
}

Traced outputs(int n) {
  return trace("outputs", {{"x", f64({5})}}, [n](const Var& x) {
    std::vector<Var> all;
    for (int i = 0; i < n; ++i) all.push_back(sin(x * (0.01 * i)));
    return all;
  });
}

Traced gradient_of_layers(int n) {
  const auto loss = [n](Var u, const Var& w) {
    for (int i = 0; i < n; ++i) u = tanh(matmul(w, u) + 0.001 * i);
    return sum(u);
  };
  return trace(
      "gradient_of_layers", {{"x", f32({16, Dim::symbol("B")})}, {"w", f32({16, 16})}},
      [&](const Var& x, const Var& w) { return value_and_grad(loss, x, w); }, "B");
}

struct Case {
  std::string name;
  Make make;
  int small, large;
};

const std::vector<Case> kCases{
    {"sines", sines, 2000, 20000},
    {"gradient_of_sines", gradient_of_sines, 2000, 20000},
    {"gradient_of_logs", gradient_of_logs, 2000, 20000},
    {"wide_gradient", wide_gradient, 500, 5000},
    {"gradient_of_mixed", gradient_of_mixed, 1000, 5000},
    {"vector_chain", vector_chain, 1000, 10000},
    {"gradient_of_vector_chain", gradient_of_vector_chain, 500, 5000},
    {"samples", samples, 1000, 10000},
    {"gradient_of_samples", gradient_of_samples, 1000, 10000},
    {"gradient_of_mixed_samples", gradient_of_mixed_samples, 500, 5000},
    {"loop", loop, 500, 5000},
    {"products", chained("products", product), 500, 2000},
    {"branches", chained("branches", branch), 500, 2000},
    {"scans", chained("scans", scan_of_four), 250, 2000},
    {"whiles", chained("whiles", while_below), 250, 2000},
    {"outputs", outputs, 250, 2000},
    {"layers", gradient_of_layers, 50, 400},
    {"solve_of_terms", solve_of_terms, 100, 1000},
    {"discrete", [](int n) { return gradient_of_solve(n, "discrete", f64()); }, 100, 1000},
    {"interpolating", [](int n) { return gradient_of_solve(n, "interpolating", f64()); }, 100,
     1000},
    {"nested_solves", gradient_of_nested_solves, 3, 6},
    {"chained_solves", gradient_of_chained_solves, 8, 32},
    {"discrete_samples",
     [](int n) { return gradient_of_solve(n, "discrete", f64({Dim::symbol("B")})); }, 50, 500},
};

void tell(const Case& test, int n) {
  const Traced traced = test.make(n);
  CompileOptions fresh;
  fresh.cache = ObjectCache("");
  const std::clock_t began = std::clock();
  const Program program = compile(*traced.graph, fresh);
  const double taken = 1e3 * double(std::clock() - began) / CLOCKS_PER_SEC;
  fmt::print(R"({{"what": "{}", "size": {}, "milliseconds": {:.0f}, "instructions": {}}})"
             "\n",
             test.name, n, taken, program.report.instructions);
  std::fflush(stdout);
}

}  // namespace
}  // namespace nodec

int main(int count, char** words) {
  const std::string only = count > 1 ? words[1] : "";
  for (const auto& test : nodec::kCases) {
    if (!only.empty() && test.name != only) continue;
    std::vector<int> sizes;
    for (int i = 2; i < count; ++i) sizes.push_back(std::atoi(words[i]));
    if (sizes.empty()) sizes = {test.small, test.large};
    for (const int n : sizes) nodec::tell(test, n);
  }
}
