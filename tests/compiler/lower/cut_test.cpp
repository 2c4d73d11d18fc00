// Long programs are cut into functions of the plan: none is longer than the limit, bits are those
// of the whole, and what is short stays as it was.
#include <array>
#include <cstring>
#include <functional>

#include "ir/plan_visit.h"
#include "kernels/catalogue.h"
#include "tests/compiler/lower/long_programs.h"
#include "tests/compiler/machine_code.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/random_program.h"
#include "tests/compiler/scheduled.h"

namespace nodec {
namespace {

using namespace plan;
using testing::kNone;

// Computations, kernels and scalars of tapes; constants are none.
std::int64_t operations(const Node& node) {
  std::int64_t all = 0;
  const auto count = [&](const auto& k) {
    if constexpr (requires { k.computes; }) {
      all += std::int64_t(k.computes.size());
    } else {
      ++all;
    }
  };
  if (const Scalars* n = std::get_if<Scalars>(&node.what)) {
    all += std::count_if(n->computes.begin(), n->computes.end(), [](const Compute& c) {
      return c.op->primitive != &constant_p && c.op->primitive != &dim_p;
    });
  }
  if (const Tiles* n = std::get_if<Tiles>(&node.what)) {
    for (const Kernel& k : n->kernels) std::visit(count, k);
  }
  if (const DenseKernel* n = std::get_if<DenseKernel>(&node.what)) std::visit(count, *n);
  if (const TapeFrame* n = std::get_if<TapeFrame>(&node.what)) {
    all += std::int64_t(n->loads.size() + n->stores.size());
  }
  return all;
}

// The most in a row, and how many there are in all.
struct Operations {
  std::int64_t row = 0, all = 0;
};

void count(const Nodes& nodes, Operations& found) {
  std::int64_t row = 0;
  for (const Node& node : nodes) {
    if (!inside(node).empty() || std::holds_alternative<Call>(node.what)) row = 0;
    row += operations(node);
    found.row = std::max(found.row, row);
    found.all += operations(node);
    for (const Nodes* list : inside(node)) count(*list, found);
  }
}

Operations operations_of(const plan::Plan& plan) {
  Operations most;
  const auto note = [&](const Nodes& body) {
    Operations found;
    count(body, found);
    most = {std::max(most.row, found.row), std::max(most.all, found.all)};
  };
  for (const plan::Function& f : plan.functions) note(f.body);
  note(plan.body);
  return most;
}

Program compiled(const Graph& graph, std::int64_t longest) {
  return {testing::Scheduled(graph, {}, longest).load(), {}};
}

void expect_same_bits(const Graph& graph, const Program& cut, const Program& whole) {
  for (const std::int64_t batch : {1, 37, 70}) {
    const std::vector<Array> inputs = oracle::inputs_for(graph, {{"B", batch}, {"N", 50}});
    const auto want = oracle::run_compiled(whole, inputs, 1);
    for (const int threads : {1, 3}) {
      const auto got = oracle::run_compiled(cut, inputs, threads);
      for (std::size_t i = 0; i < want.size(); ++i) {
        INFO(graph.name, ", result ", i, ", batch ", batch, ", threads ", threads);
        CHECK(std::memcmp(got[i].data(), want[i].data(), std::size_t(got[i].bytes())) == 0);
      }
    }
    if (graph.batch.empty()) return;
  }
}

}  // namespace

TEST_CASE("no more operations of a long program stand in a row than the limit, nor in a function" *
          doctest::test_suite("slow")) {
  for (const auto& graph : testing::long_programs(120)) {
    INFO(graph->name, " of ", graph->body.arg(0)->type.str());
    const auto ready = run_until(*graph, graph_stages().back().name);
    CHECK(operations_of(lower(*ready, kNone)).row > 120);
    const Operations most = operations_of(lower(*ready, 40));
    // Calls of pieces stand in a row as well.
    CHECK(most.row <= 60);
    CHECK(most.all <= 400);
  }
}

// Vectors without samples: a loop over lanes and one over the rest, with an address for each
// tensor.
TEST_CASE("the computations of a long map without samples are fewer, for it is written twice") {
  const auto steps = [](Var u) {
    for (int i = 0; i < 500; ++i) u = i % 2 ? u * 1.0625 : tanh(u + 0.25);
    return sum(u);
  };
  const auto graph = trace("chain", {{"x", f64({100})}}, [&](const Var& x) {
                       return value_and_grad(steps, x);
                     }).graph;
  const auto ready = run_until(*graph, graph_stages().back().name);
  std::size_t most = 0;
  const plan::Plan plan = lower(*ready);
  const std::function<void(const Nodes&)> note = [&](const Nodes& nodes) {
    for (const Node& node : nodes) {
      for (const Nodes* list : inside(node)) note(*list);
      const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
      const DenseMap* map = dense ? std::get_if<DenseMap>(dense) : nullptr;
      if (map) most = std::max(most, map->computes.size());
    }
  };
  for (const plan::Function& f : plan.functions) note(f.body);
  note(plan.body);
  CHECK(most > 100);
  CHECK(most <= std::size_t(kLongestFunction / 3));
}

TEST_CASE("dynamics written number by number have a gradient in proportion to them") {
  const auto instructions = [](const Type& type, int n) {
    const auto slope = [n](const Var& u) {
      std::vector<Var> rows;
      for (int i = 0; i < n; ++i) rows.push_back(sin(u.at((i + 1) % n)) - u.at(i) * u.at(i));
      return stack(rows);
    };
    const auto end = [&](const Var& x) { return sum(solve(slope, x, 0.0, 1.0).u); };
    const auto traced = trace(
        "rows", {{"x", type}}, [&](const Var& x) { return value_and_grad(end, x); },
        type.mentions("B") ? "B" : "");
    return compile(*traced.graph, {.cache = ObjectCache("")}).report.instructions;
  };
  for (const bool samples : {true, false}) {
    const auto of = [&](int n) {
      return instructions(samples ? f32({n, Dim::symbol("B")}) : f32({n}), n);
    };
    const std::int64_t small = of(40), large = of(160);
    INFO("samples: ", samples, ", ", small, " and ", large);
    CHECK(large < 4.4 * double(small));
    CHECK(large < 300 * 160);
  }
}

TEST_CASE("a plan within the limit stays as it is") {
  const auto graph = testing::long_solve(f64({3, Dim::symbol("B")}), 20, "discrete");
  const plan::Plan whole = testing::plan_of(*graph, kNone);
  CHECK(print_plan(testing::plan_of(*graph)) == print_plan(whole));
  CHECK(testing::plan_of(*graph, 100).functions.size() > whole.functions.size());
}

TEST_CASE("a program that is cut has the bits of the whole" * doctest::test_suite("slow")) {
  const std::vector<std::shared_ptr<Graph>> all = testing::long_programs(12);
  for (std::size_t i = 0; i < all.size(); i += 3) {  // some of each kind
    const auto& graph = all[i];
    INFO(graph->name, " of ", graph->body.arg(0)->type.str());
    expect_same_bits(*graph, compiled(*graph, 5), compiled(*graph, kNone));
  }
}

TEST_CASE(
    "a chain of branches and loops is cut, with the bits of the whole, and stops as it does") {
  const auto entry_nodes = [](int n, std::int64_t longest) {
    const auto ready = run_until(*testing::long_choices(n), graph_stages().back().name);
    return lower(*ready, longest).body.size();
  };
  CHECK(entry_nodes(40, kNone) > 200);
  CHECK(entry_nodes(40, 300) < entry_nodes(40, kNone) / 3);
  const auto graph = testing::long_choices(20);
  const Program cut = compiled(*graph, 300), whole = compiled(*graph, kNone);
  const Tensor table = Tensor::of<double>({6}, {0.9, 0.3, 0.7, 0.2, 0.8, 0.5});
  for (const double x : {-0.3, 0.55, 3.0}) {
    const Tensor start = Tensor::scalar(x);
    const std::vector<TensorView> inputs{start, table};
    const auto want = whole.executable->run(inputs, {.threads = 1});
    for (const int threads : {1, 3}) {
      const auto got = cut.executable->run(inputs, {.threads = threads, .exact_team = true});
      for (std::size_t i = 0; i < want.size(); ++i) {
        CHECK(std::memcmp(got[i].data(), want[i].data(), want[i].bytes()) == 0);
      }
    }
  }
  const Tensor start = Tensor::scalar(3.0);
  const auto refusal = [&](const Program& program) {
    try {
      program.executable->run(std::vector<TensorView>{start, table}, {.tape_limit_bytes = 100});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(refusal(whole).find("tape") != std::string::npos);
  CHECK(refusal(cut) == refusal(whole));
}

TEST_CASE("phases of a long program are in pieces, with the bits of the whole") {
  const auto loss = [](Var u, const Var& p) {
    for (int i = 0; i < 20; ++i) {
      u = cond(
          sum(u) > 0.25, [&] { return sin(u * p); }, [&] { return u + 0.01 * i; });
    }
    return sum(u);
  };
  const auto graph =
      trace(
          "phases", {{"x", f32({4, "B"})}, {"p", f32()}},
          [&](const Var& x, const Var& p) { return value_and_grad(loss, x, p); }, "B")
          .graph;
  const auto ready = run_until(*graph, graph_stages().back().name);
  const std::function<int(const Nodes&)> phases = [&](const Nodes& nodes) {
    int all = 0;
    for (const Node& node : nodes) {
      all += std::holds_alternative<Phase>(node.what);
      for (const Nodes* list : inside(node)) all += phases(*list);
    }
    return all;
  };
  const int whole = phases(lower(*ready, kNone).body);
  CHECK(whole > 60);
  CHECK(phases(lower(*ready, 100).body) < whole / 4);
  expect_same_bits(*graph, compiled(*graph, 100), compiled(*graph, kNone));
}

TEST_CASE("a sum of many terms becomes sums of fewer, with the bits of the whole") {
  const auto graph = testing::long_sums(20);
  const auto ready = run_until(*graph, graph_stages().back().name);
  using Most = std::array<std::size_t, 2>;
  const auto most_terms = [&](std::int64_t longest) {
    const plan::Plan plan = lower(*ready, longest);
    std::size_t scatters = 0, contracts = 0;
    const std::function<void(const Nodes&)> note = [&](const Nodes& nodes) {
      for (const Node& node : nodes) {
        for (const Nodes* list : inside(node)) note(*list);
        const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
        const auto* scatter = dense ? std::get_if<DenseScatter>(dense) : nullptr;
        const auto* contract = dense ? std::get_if<LargeContract>(dense) : nullptr;
        if (scatter) scatters = std::max(scatters, scatter->terms.size());
        if (contract) contracts = std::max(contracts, contract->terms.size());
      }
    };
    for (const plan::Function& f : plan.functions) note(f.body);
    note(plan.body);
    return Most{scatters, contracts};
  };
  CHECK(most_terms(kNone) == Most{20, 20});
  CHECK(most_terms(200) == Most{5, 5});
  expect_same_bits(*graph, compiled(*graph, 200), compiled(*graph, kNone));
}

TEST_CASE("random programs cut into the smallest pieces agree with the interpreter" *
          doctest::test_suite("slow")) {
  testing::require_machine_code();
  int whole_ones = 0;
  for (std::uint64_t seed = 3000; seed < 3006; ++seed) {
    for (const auto make :
         {testing::random_program, testing::random_loops, testing::random_gradient}) {
      const std::unique_ptr<Graph> graph = make(seed);
      INFO("seed ", seed, " ", graph->name);
      Program whole;
      try {
        whole = compiled(*graph, kNone);
      } catch (const Error& refusal) {
        CHECK(!refusal.notes().empty());
        continue;
      }
      ++whole_ones;
      const Program cut = compiled(*graph, 2);
      oracle::expect_agreement(*graph, cut, 1e-8, {1, 37});
      expect_same_bits(*graph, cut, whole);
    }
  }
  CHECK(whole_ones > 15);
}

}  // namespace nodec
