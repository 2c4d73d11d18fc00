// Rows of tables picked by indices, and their derivative, which adds to rows: kinds of tables by
// kinds of indices, alone and inside of branches, loops and solves.
#include "tests/compiler/lower/matrix.h"

namespace nodec::oracle {
namespace {

// What a program makes of its inputs: x0 [5, 3], x1 [3, 5] and x2 [5, 3, B] of floats, and the
// indices x3 [], x4 [2], x5 [2, 2], x6 [B] and x7 [2, B].
using Made = std::pair<const char*, Loss>;

std::vector<Type> inputs(Dtype dtype) {
  const auto floats = [&](Shape shape) { return Type::tensor(dtype, std::move(shape)); };
  const auto rows = [&](Shape shape) { return Type::tensor(Dtype::I32, std::move(shape)); };
  return {floats({5, 3}), floats({3, 5}), floats({5, 3, kB}), rows({}),
          rows({2}),      rows({2, 2}),   rows({kB}),         rows({2, kB})};
}

const std::vector<Made>& tables() {
  static const std::vector<Made> all{
      {"input", [](const Vars& x) { return x[0]; }},
      {"computed", [](const Vars& x) { return sin(x[0]) * 2; }},
      {"transposed", [](const Vars& x) { return transpose(x[1]); }},
      {"one row", [](const Vars& x) { return slice(x[0], 0, 3, 1); }},
      {"repeated rows",
       [](const Vars& x) {
         return broadcast_to(x[0].at(1), {5, 3}, {1});
       }},
      {"repeated columns",
       [](const Vars& x) {
         return broadcast_to(x[1].at(1), {5, 3}, {0});
       }},
      {"one number",
       [](const Vars& x) {
         return broadcast_to(sum(x[0]), {5, 3}, {});
       }},
      {"constant",
       [](const Vars& x) {
         return constant(2.0, x[0].dtype(), {5, 3});
       }},
      {"some rows", [](const Vars& x) { return slice(x[0], 0, 1, 3); }},
      {"some columns", [](const Vars& x) { return slice(x[0], 1, 1, 2); }},
      {"a column", [](const Vars& x) { return reshape(slice(x[0], 1, 2, 1), {5}); }},
      {"matrices",
       [](const Vars& x) {
         return reshape(x[0], {5, 1, 3}) * reshape(x[0], {5, 3, 1});
       }},
      {"joined",
       [](const Vars& x) {
         return concat({x[0], transpose(x[1])}, 0);
       }},
  };
  return all;
}

// Tables with a number for each sample, which have one index for all of them.
const std::vector<Made>& varying_tables() {
  static const std::vector<Made> all{
      {"varying", [](const Vars& x) { return x[2]; }},
      {"varying vector", [](const Vars& x) { return sum(x[2], {1}); }},
      {"varying transposed",
       [](const Vars& x) {
         return transpose(x[2], {1, 0, 2});
       }},
      {"varying in the middle",
       [](const Vars& x) {
         return transpose(sin(x[2]), {0, 2, 1});
       }},
      {"varying repeated",
       [](const Vars& x) {
         return broadcast_to(x[0], {5, 3, kB}, {0, 1});
       }},
  };
  return all;
}

// Tables whose rows are the samples.
const std::vector<Made>& tables_of_samples() {
  static const std::vector<Made> all{
      {"samples",
       [](const Vars& x) {
         return transpose(x[2], {2, 0, 1});
       }},
      {"computed samples",
       [](const Vars& x) {
         return sin(transpose(x[2], {2, 1, 0}));
       }},
      {"numbers of samples", [](const Vars& x) { return x[2].at(1).at(2) * 2; }},
      {"vectors of samples", [](const Vars& x) { return transpose(x[2].at(1)); }},
      {"samples alike",
       [](const Vars& x) {
         return broadcast_to(x[0], {kB, 5, 3}, {1, 2});
       }},
  };
  return all;
}

const std::vector<Made>& indices() {
  static const std::vector<Made> all{
      {"a scalar", [](const Vars& x) { return x[3]; }},
      {"half", [](const Vars& x) { return cast(floor(cast(x[3], Dtype::F32) / 2), Dtype::I32); }},
      {"[1]", [](const Vars& x) { return reshape(x[3] + 1, {1}); }},
      {"[2]", [](const Vars& x) { return x[4]; }},
      {"[2] + 1", [](const Vars& x) { return x[4] + 1; }},
      {"[2, 2]", [](const Vars& x) { return x[5]; }},
      {"[2, 2] transposed", [](const Vars& x) { return transpose(x[5]); }},
      {"a list",
       [](const Vars&) {
         return constant({4, 0, 0, 9, -3}, Dtype::I32);
       }},
      {"twos", [](const Vars&) { return constant(2.0, Dtype::I32, {3}); }},
      {"repeated", [](const Vars& x) { return broadcast_to(x[3], {3}, {}); }},
      {"iota", [](const Vars&) { return iota(Dtype::I32, {4}); }},
      {"argmax", [](const Vars& x) { return argmax(x[0], 1); }},
  };
  return all;
}

const std::vector<Made>& indices_of_samples() {
  static const std::vector<Made> all{
      {"[B]", [](const Vars& x) { return x[6]; }},
      {"[B] - 1", [](const Vars& x) { return x[6] - 1; }},
      {"one for all", [](const Vars& x) { return broadcast_to(x[3], {kB}, {}); }},
      {"[2, B]", [](const Vars& x) { return x[7]; }},
      {"[B, 2]", [](const Vars& x) { return transpose(x[7]) + 1; }},
      {"twice",
       [](const Vars& x) {
         return broadcast_to(x[6], {2, kB}, {1});
       }},
      {"two for all",
       [](const Vars& x) {
         return broadcast_to(x[4], {2, kB}, {0});
       }},
      {"row of [2, B]", [](const Vars& x) { return x[7].at(1); }},
      {"argmax a sample", [](const Vars& x) { return argmax(x[2], 0); }},
      {"iota of samples", [](const Vars&) { return iota(Dtype::I32, {kB}); }},
  };
  return all;
}

Var weighed(const Var& y) { return sum(sin(y) + y * y); }

// A loss of the rows that `picked` gives where it is called.
using Place = std::function<Var(const Vars& x, const Loss& picked)>;

Var outside(const Vars& x, const Loss& picked) { return weighed(picked(x)); }

Var in_a_branch(const Vars& x, const Loss& picked) {
  return cond(
      sum(x[0]) > -1, [&] { return weighed(picked(x)); }, [&] { return weighed(-picked(x)); });
}

Place in_a_solve(const char* adjoint) {
  return [adjoint](const Vars& x, const Loss& picked) {
    SolveOptions options;
    options.adjoint = adjoint;
    options.rtol = options.atol = 1e-9;
    const auto dynamics = [&](const Var& u) { return sin(picked(x)) - u * u; };
    return weighed(solve(dynamics, 0.1 * picked(x), 0, 1, options).u);
  };
}

// Three steps down the gradient.
std::shared_ptr<Graph> descent(const Loss& picked) {
  Trace t("descent", "B");
  Vars x;
  for (const Type& type : inputs(Dtype::F64))
    x.push_back(t.input(fmt::format("x{}", x.size()), type));
  const auto loss = [&](const Var& a, const Var& b, const Var& c) {
    Vars all = x;
    std::tie(all[0], all[1], all[2]) = std::tie(a, b, c);
    return weighed(picked(all));
  };
  const auto [n, a, b, c] = while_loop(
      std::tuple(constant(0, Dtype::I32), x[0], x[1], x[2]),
      [](const Var& n, const Var&, const Var&, const Var&) { return n < 3; },
      [&](const Var& n, const Var& a, const Var& b, const Var& c) {
        const auto [da, db, dc] = grad(loss, a, b, c);
        return std::tuple(n + 1, a - 0.1 * da, b - 0.1 * db, c - 0.1 * dc);
      });
  t.output("a", a);
  t.output("b", b);
  t.output("c", c);
  return t.finish().graph;
}

// Every `stride`-th pair of a table and an index, from pair `first` on.
void each_pair(std::size_t first, std::size_t stride,
               const std::function<void(const std::string& what, const Loss& picked)>& f) {
  const std::vector<std::pair<std::vector<Made>, std::vector<Made>>> kinds{
      {tables(), indices()},
      {tables(), indices_of_samples()},
      {varying_tables(), indices()},
      {tables_of_samples(), indices()},
      {tables_of_samples(), indices_of_samples()}};
  std::size_t pair = 0;
  for (const auto& [some_tables, some_indices] : kinds) {
    for (const Made& table : some_tables) {
      for (const Made& index : some_indices) {
        if (pair++ % stride != first) continue;
        f(fmt::format("{} at {}", table.first, index.first),
          [&](const Vars& x) { return gather(table.second(x), stop_gradient(index.second(x))); });
      }
    }
  }
}

void expect_picked(const Place& place, std::size_t first, std::size_t stride,
                   Dtype dtype = Dtype::F64) {
  each_pair(first, stride, [&](const std::string& what, const Loss& picked) {
    expect_loss(
        what, "B", inputs(dtype), [&](const Vars& x) { return place(x, picked); }, 1e-9);
  });
}

}  // namespace

TEST_CASE("rows of every kind of table are picked by every kind of index") {
  expect_picked(outside, 0, 7);
  expect_picked(outside, 5, 17, Dtype::F32);
}

TEST_CASE("rows are picked in a branch") { expect_picked(in_a_branch, 1, 29); }

TEST_CASE("rows are picked in the dynamics of a solve" * doctest::test_suite("slow")) {
  expect_picked(in_a_solve("discrete"), 2, 41);
  expect_picked(in_a_solve("interpolating"), 4, 59);
}

TEST_CASE("rows are picked and added to in a loop") {
  each_pair(6, 13, [](const std::string& what, const Loss& picked) {
    INFO(what);
    expect_agreement(*descent(picked), 1e-11, {1, 37});
  });
}

TEST_CASE("each cell that updates are added to is one chain, whatever threads there are") {
  const auto graph =
      read(R"(graph f batch B (%i: i32[2, B], %x: f32[2, 40, B], %j: i32[N], %y: f32[N, 3]) {
  %t = transpose %x {perm = [0, 2, 1]}
  %1 = scatter_add %i, %t {shape = <5, 40>}
  %2 = scatter_add %j, %y {shape = <5, 3>}
  yield %1, %2
})");
  expect_agreement(*graph, 2e-5, {1, 37, 500});
  expect_same_bits(compile_fresh(*graph), inputs_for(*graph, {{"B", 500}, {"N", 300}}));
}

TEST_CASE("a solve adds to the cells of a table step after step, without a sum of its own") {
  const auto graph = loss_graph("B", inputs(Dtype::F32), [](const Vars& x) {
    const Loss picked = [](const Vars& v) { return gather(v[0], v[6]); };
    return in_a_solve("discrete")(x, picked);
  });
  const std::string plan = dump(*graph, "lower");
  CHECK(plan.find("(dense), going on; each cell one chain over (term, sample, row)") !=
        std::string::npos);
}

}  // namespace nodec::oracle
