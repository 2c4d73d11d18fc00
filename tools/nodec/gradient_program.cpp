// Graph surgery around one vjp op.
#include "tools/nodec/gradient_program.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/infer/settle_cells.h"
#include "compiler/passes/unbox.h"
#include "compiler/pipeline.h"
#include "ir/rewrite.h"
#include "ir/verify.h"
#include "kernels/build.h"
#include "kernels/flow.h"
#include "kernels/rules.h"
#include "kernels/solve/view.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

template <class Is>
bool holds(const Region& region, const Is& is) {
  return std::any_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
    return is(*op) || std::any_of(op->regions.begin(), op->regions.end(),
                                  [&](const auto& nested) { return holds(*nested, is); });
  });
}

bool is_vjp(const Op& op) { return op.primitive == &vjp_p; }
bool is_solve(const Op& op) { return op.primitive == &solve_p; }
bool is_real(const Value& value) { return value.type.is_tensor() && is_float(value.type.dtype()); }

// Calls around a derivative are nobody's concern.
void inline_calls(Region& body) {
  const auto open = [](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    if (op.primitive != &call_p || !holds(op.region(), is_vjp)) return std::nullopt;
    return b.inline_region(op.region(), op.operands);
  };
  while (rewrite(body, open)) {
  }
}

std::vector<Op*> derivatives(const Region& body) {
  std::vector<Op*> found;
  for (const auto& op : body.ops) {
    if (is_vjp(*op)) found.push_back(op.get());
  }
  std::stable_partition(found.begin(), found.end(),
                        [](const Op* vjp) { return holds(vjp->region(), is_solve); });
  return found;
}

// Leaves the op's results as the graph's, and nothing behind it.
void end_with(Graph& graph, const Op& vjp) {
  auto& ops = graph.body.ops;
  const auto at =
      std::find_if(ops.begin(), ops.end(), [&](const auto& op) { return op.get() == &vjp; });
  ops.erase(at + 1, ops.end());
  graph.body.results.clear();
  for (std::size_t i = vjp.region().results.size(); i < vjp.results.size(); ++i) {
    graph.body.results.push_back(vjp.result(i));
  }
  graph.result_names.clear();
  graph.aliases.clear();
}

// Values that some solve takes as a tolerance, a step size or a cap.
void find_settings(const Region& region, std::vector<const Value*>& settings) {
  const auto add_root = [&](const Value* value) {
    while (const Value* outer = value != nullptr ? captured(*value) : nullptr) value = outer;
    settings.push_back(value);
  };
  for (const auto& op : region.ops) {
    if (is_solve(*op)) {
      const SolveView view(*op);
      for (const Value* value : {view.rtol(), view.atol(), view.dt0(), view.dt_max()})
        add_root(value);
    }
    for (const auto& nested : op->regions) find_settings(*nested, settings);
  }
}

std::string output_name(const Graph& graph, std::size_t i) {
  const bool named = i < graph.result_names.size() && !graph.result_names[i].empty();
  return named                                 ? graph.result_names[i]
         : graph.body.results[i]->name.empty() ? fmt::format("result_{}", i)
                                               : graph.body.results[i]->name;
}

// The program itself as what is differentiated.
std::unique_ptr<Graph> as_loss(const Graph& program) {
  std::vector<const Value*> settings;
  find_settings(program.body, settings);
  auto graph = std::make_unique<Graph>();
  graph->name = program.name;
  graph->batch = program.batch;
  Axes wrt, seeds;
  std::vector<Value*> operands;
  for (const auto& arg : program.body.args) {
    const bool setting = std::find(settings.begin(), settings.end(), arg.get()) != settings.end();
    if (is_real(*arg) && !setting) wrt.push_back(arg->index);
    operands.push_back(graph->body.add_arg(arg->type, arg->name));
  }
  for (std::size_t i = 0; i < program.body.results.size(); ++i) {
    if (!is_real(*program.body.results[i])) continue;
    seeds.push_back(std::int64_t(i));
    operands.push_back(
        graph->body.add_arg(program.body.results[i]->type, output_name(program, i) + ".weight"));
  }
  if (wrt.empty() || seeds.empty()) {
    throw InputError(fmt::format("'{}' has no float {}, so it has no gradient", program.name,
                                 wrt.empty() ? "input" : "output"));
  }
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(program.body));
  Builder(graph->body).op(vjp_p, operands, {{"seeds", seeds}, {"wrt", wrt}}, std::move(regions));
  return graph;
}

void add_result(Op& op, const Type& type) {
  op.results.push_back(
      std::make_unique<Value>(Value{type, "", &op, op.parent, int(op.results.size())}));
}

void each_outer_solve(Region& region, const std::function<void(Op&)>& visit) {
  for (const auto& op : region.ops) {
    if (is_solve(*op)) {
      visit(*op);
      continue;
    }
    for (const auto& nested : op->regions) each_outer_solve(*nested, visit);
  }
}

}  // namespace

GradientProgram GradientProgram::copy() const {
  GradientProgram same{clone(*graph), nullptr, of, asked};
  same.vjp = same.graph->body.ops.back().get();
  return same;
}

std::vector<std::string> GradientProgram::names() const {
  std::vector<std::string> names;
  for (const std::int64_t arg : vjp->attrs.get<Axes>("wrt")) {
    const Value* value = vjp->region().arg(std::size_t(arg));
    const Value* outer = vjp->operands[std::size_t(arg)];
    const std::string name = value->name.empty() ? outer->name : value->name;
    names.push_back(name.empty() ? fmt::format("argument_{}", arg) : name);
  }
  return names;
}

GradientProgram gradient_of(const Graph& traced) {
  std::unique_ptr<Graph> graph = run_until(traced, "check_stability");
  unbox(*graph);
  settle_cells(*graph);
  inline_calls(graph->body);
  GradientProgram program;
  program.of = derivatives(graph->body).size();
  program.asked = program.of > 0;
  if (!program.asked) graph = as_loss(*graph);
  program.graph = std::move(graph);
  program.vjp = derivatives(program.graph->body).front();
  end_with(*program.graph, *program.vjp);
  verify(*program.graph, "gradient_of");
  return program;
}

std::string rule_of(const GradientProgram& program) {
  std::string rule;
  each_outer_solve(program.vjp->region(), [&](Op& solve) {
    if (rule.empty()) rule = SolveView(solve).adjoint();
  });
  return rule;
}

void set_rule(GradientProgram& program, std::string_view rule) {
  each_outer_solve(program.vjp->region(),
                   [&](Op& solve) { solve.attrs.set("adjoint", std::string(rule)); });
}

namespace {

constexpr int kStepCap = 1'000'000;

void tighten(Region& region, Tolerance tolerance) {
  rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) tighten(*nested, tolerance);
    if (!is_solve(op)) return std::nullopt;
    const auto change = [&](std::size_t operand, double absolute) {
      Value*& value = op.operands[operand];
      value = absolute > 0 ? splat(b, value, absolute)
                           : mul(b, value, splat(b, value, tolerance.factor));
    };
    if (SolveView(op).method().adaptive) {
      change(2, tolerance.absolute);
      change(3, tolerance.absolute);
    } else {
      change(4, 0);
    }
    op.operands[5] = integer(b, op.operands[5]->type.dtype(), kStepCap);
    return std::nullopt;
  });
}

}  // namespace

void set_tolerance(GradientProgram& program, Tolerance tolerance) {
  tighten(program.vjp->region(), tolerance);
}

void ask_estimate(GradientProgram& program) {
  Op& vjp = *program.vjp;
  const auto seed = std::size_t(vjp.attrs.get<Axes>("seeds").front());
  const Dtype dtype = vjp.region().results[seed]->type.dtype();
  vjp.attrs.set("error", true);
  add_result(vjp, Type::scalar(dtype));
  program.graph->body.results.push_back(vjp.results.back().get());
}

std::unique_ptr<Graph> along_a_line(const GradientProgram& program) {
  GradientProgram line = program.copy();
  Region& body = line.graph->body;
  std::vector<Value*> operands = line.vjp->operands;
  const Region& f = line.vjp->region();
  const Axes wrt = line.vjp->attrs.get<Axes>("wrt"), seeds = line.vjp->attrs.get<Axes>("seeds");
  const std::vector<std::string> names = line.names();
  std::vector<Value*> directions;
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    directions.push_back(
        body.add_arg(operands[std::size_t(wrt[i])]->type, names[i] + ".direction"));
  }
  Value* step = body.add_arg(Type::scalar(Dtype::F64), "step");
  Builder b(body);
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    Value*& x = operands[std::size_t(wrt[i])];
    Value* length = broadcast_scalar(b, cast(b, step, x->type.dtype()), x->type.shape());
    x = add(b, x, mul(b, length, directions[i]));
  }
  const std::vector<Value*> results = b.inline_region(f, std::span(operands).first(f.args.size()));
  Value* loss = scalar(b, Dtype::F64, 0);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    Value* weighted = mul(b, results[std::size_t(seeds[i])], operands[f.args.size() + i]);
    Value* wide = cast(b, weighted, Dtype::F64);
    loss = add(b, loss, wide->type.rank() > 0 ? sum(b, wide, all_axes(wide->type)) : wide);
  }
  body.results = {loss};
  const auto at = std::find_if(body.ops.begin(), body.ops.end(),
                               [&](const auto& op) { return op.get() == line.vjp; });
  body.ops.erase(at);
  verify(*line.graph, "along_a_line");
  return std::move(line.graph);
}

namespace {

// The region's evaluations so far, as a value of it; null where it has none.
Value* count_evaluations(Region& region) {
  Builder b(region);
  Value* all = nullptr;
  const auto count = [&](Value* more) { all = all == nullptr ? more : add(b, all, more); };
  const std::size_t ops = region.ops.size();
  for (std::size_t i = 0; i < ops; ++i) {
    Op& op = *region.ops[i];
    if (is_solve(op)) count(SolveView(op).f_evals());
    if (op.primitive != &call_p && op.primitive != &cond_p) continue;
    std::vector<Value*> counts;
    for (const auto& nested : op.regions) counts.push_back(count_evaluations(*nested));
    if (std::all_of(counts.begin(), counts.end(), [](const Value* c) { return c == nullptr; }))
      continue;
    for (std::size_t r = 0; r < counts.size(); ++r) {
      Builder inner(op.region(r));
      op.region(r).results.push_back(counts[r] != nullptr ? counts[r]
                                                          : integer(inner, Dtype::I32, 0));
    }
    add_result(op, Type::scalar(Dtype::I32));
    count(op.results.back().get());
  }
  return all;
}

}  // namespace

std::unique_ptr<Graph> differentiated(const GradientProgram& program) {
  std::unique_ptr<Graph> graph = run_until(*program.graph, "differentiate");
  Value* evaluations = count_evaluations(graph->body);
  Builder b(graph->body);
  graph->result_names.clear();  // unbox gives both to each result
  graph->aliases.clear();
  graph->body.results.push_back(evaluations != nullptr ? evaluations : integer(b, Dtype::I32, 0));
  verify(*graph, "differentiated");
  return graph;
}

}  // namespace nodec
