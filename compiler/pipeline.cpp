// The one file that sees all stages.
#include "compiler/pipeline.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "compiler/ad/differentiate.h"
#include "compiler/back_end.h"
#include "compiler/build_id.h"
#include "compiler/infer/flat_paths.h"
#include "compiler/infer/infer.h"
#include "compiler/infer/settle_cells.h"
#include "compiler/infer/solve_cells.h"
#include "compiler/infer/stability.h"
#include "compiler/lower/argmax_of_batch.h"
#include "compiler/lower/carry_operands.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/outputs_behind_tapes.h"
#include "compiler/lower/parts_of_batch.h"
#include "compiler/lower/sink_sums.h"
#include "compiler/lower/split_calls.h"
#include "compiler/lower/started_sums.h"
#include "compiler/passes/contract.h"
#include "compiler/passes/eliminate_common.h"
#include "compiler/passes/eliminate_dead.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/number_solves.h"
#include "compiler/passes/scalarize.h"
#include "compiler/passes/simplify.h"
#include "compiler/passes/unbox.h"
#include "compiler/schedule/schedule.h"
#include "ir/float_mode.h"
#include "ir/nearest.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

void check_types(Graph& graph) { infer(graph); }
void check_stable(Graph& graph) { require_stable(check_stability(graph, infer(graph))); }
void derive(Graph& graph) {
  differentiate(graph);
  number_stops(graph);
}

void prepare(Graph& graph) {
  lowering::pick_parts_of_batch(graph);
  lowering::expand_argmax_of_batch(graph);
  lowering::add_starts_last(graph);
}

// Boxes are proven before they become values, and are values before anything is differentiated.
constexpr Stage kStages[] = {
    {"trace", number_solves},
    {"infer", check_types},
    {"check_stability", check_stable},
    {"unbox", unbox},
    {"settle_cells", settle_cells},
    {"differentiate", derive},
    {"infer", check_types},
    {"check_stability", check_stable},
    {"simplify", simplify},
    {"contract", contract},
    {"expand", expand},
    {"scalarize", scalarize},
    {"prepare", prepare},
    {"split_calls", lowering::split_calls},
    {"carry_operands", lowering::carry_operands},
    {"common", [](Graph& graph) { eliminate_common(graph); }},
    {"dead", [](Graph& graph) { eliminate_dead(graph); }},
    {"sink", lowering::sink_into_branches},
};
constexpr std::string_view kLastStage = kStages[std::size(kStages) - 1].name;

// Takes the graph through the stages behind `after` (none: all), up to and with `last`.
void run(Graph& graph, std::string_view after, std::string_view last) {
  bool begun = after.empty();
  for (const Stage& s : kStages) {
    if (begun) {
      s.run(graph);
      verify(graph, s.name);
      if (s.name == last) return;
    }
    begun = begun || s.name == after;
  }
}

std::atomic<std::int64_t> compiled{0};

// Rules that a program names and that are not nodec's own, with their versions.
std::string registered_adjoints(const Region& region) {
  std::string all;
  for (const auto& op : region.ops) {
    if (op->primitive == &solve_p) {
      const std::string version = registered_version(SolveView(*op).adjoint());
      if (!version.empty()) all += version + "\n";
    }
    for (const auto& inner : op->regions) all += registered_adjoints(*inner);
  }
  return all;
}

plan::Plan lowered_for(const plan::Machine& machine, const Graph& graph) {
  plan::Plan plan = lower(graph);
  if (machine.restarts) lowering::put_outputs_behind_tapes(plan);
  return plan;
}

// A device by its words, and who makes code for it.
struct Target {
  DeviceChoice device;
  const BackEnd& back_end;
};

const BackEnd* back_end_of(const DeviceChoice& device) {
  for (const BackEnd* each : back_ends()) {
    if (each->serves(device)) return each;
  }
  return nullptr;
}

// A build may have no back end for the processor; its plans can be looked at all the same.
bool is_served(std::string_view words) { return back_end_of(read_device(words)) != nullptr; }

Target target_for(std::string_view words) {
  const DeviceChoice device = read_device(words);
  if (const BackEnd* back_end = back_end_of(device)) return {device, *back_end};
  throw Error("this build of nodec makes no code for the processor", {},
              "configure with -DNODEC_CPU_JIT=ON, or give a device: cuda-emulated");
}

}  // namespace

std::span<const Stage> graph_stages() { return kStages; }

std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  for (const Stage& stage : kStages) {
    const bool known = std::find(names.begin(), names.end(), stage.name) != names.end();
    if (!known) names.emplace_back(stage.name);
  }
  for (const char* name : {"lower", "schedule", "codegen", "assembly"}) names.emplace_back(name);
  return names;
}

namespace {

bool asks_for_derivatives(const Region& region) {
  return std::any_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
    return op->primitive == &vjp_p || op->primitive == &jvp_p ||
           std::any_of(op->regions.begin(), op->regions.end(),
                       [](const auto& nested) { return asks_for_derivatives(*nested); });
  });
}

// What the derivatives hold, or what of the program they cannot do with. That an op has no
// derivative at all is for the compile to say: it is no question of types.
std::vector<Finding> backward_findings(const Graph& graph) {
  const std::unique_ptr<Graph> copy = clone(graph);
  const SolveCells cells(*copy);
  try {
    run(*copy, "check_stability", "differentiate");
  } catch (const Unstable& refused) {
    return cells.told(refused.findings());
  } catch (const Error&) {
    return {};
  }
  return cells.told(check_stability(*copy, infer(*copy)));
}

// What the derivatives leave out, as far as the program's own ops decide that.
std::vector<Finding> flat_findings(const Graph& graph) {
  const std::unique_ptr<Graph> copy = clone(graph);
  unbox(*copy);
  settle_cells(*copy);
  return flat_paths(*copy);
}

// One variable's finding in both directions is one finding; the derivative's says more.
void merge_backward(std::vector<Finding>& findings, Finding backward) {
  backward.program = ProgramPart::Backward;
  for (Finding& f : findings) {
    const bool same = f.variable == backward.variable && f.declared == backward.declared;
    if (f.code != backward.code || !same) continue;
    f.stops = f.stops || backward.stops;
    if (backward.stops) f.program = ProgramPart::Backward;
    if (backward.stops) f.help = backward.help;
    return;
  }
  findings.push_back(std::move(backward));
}

}  // namespace

std::vector<Finding> analyze(const Graph& graph, const AnalyzeOptions& options) {
  const DefaultFloatMode mode;
  std::vector<Finding> findings = check_stability(graph, infer(graph), options.unfinished);
  if (!options.backward || !stable(findings) || !asks_for_derivatives(graph.body)) return findings;
  for (Finding& finding : backward_findings(graph)) merge_backward(findings, std::move(finding));
  for (Finding& finding : flat_findings(graph)) findings.push_back(std::move(finding));
  return findings;
}

std::int64_t compile_count() { return compiled; }

std::unique_ptr<Graph> run_until(const Graph& graph, std::string_view stage) {
  const DefaultFloatMode mode;
  std::unique_ptr<Graph> copy = clone(graph);
  try {
    run(*copy, "", stage);
  } catch (const Unstable& refused) {
    // Refused by a derivative: the same again, told of what the program declares.
    const bool backward = stable(check_stability(graph, infer(graph)));
    throw Unstable(backward ? backward_findings(graph) : refused.findings());
  }
  return copy;
}

std::string dump(const Graph& graph, std::string_view stage, std::string_view device) {
  const DefaultFloatMode mode;
  for (const Stage& s : kStages) {
    if (s.name == stage) return print(*run_until(graph, stage));
  }
  const std::unique_ptr<Graph> copy = run_until(graph, kLastStage);
  if (stage == "lower" && !is_served(device)) return plan::print_plan(lower(*copy));
  if (stage == "lower" || stage == "schedule" || stage == "codegen" || stage == "assembly") {
    const Target target = target_for(device);
    const plan::Machine machine = target.back_end.machine(target.device);
    const plan::Plan plan = lowered_for(machine, *copy);
    if (stage == "lower") return plan::print_plan(plan);
    const plan::Schedule how = plan::schedule(plan, machine);
    if (stage == "schedule") return plan::print_schedule(plan, how);
    return target.back_end.text(plan, how, stage, target.device);
  }
  throw Error(fmt::format("there is no stage '{}'", stage), {},
              suggestion_or_all(stage, stage_names(), "stages are"));
}

namespace {

// A Program, and the time it takes to `make` it.
template <class Make>
Program timed(Make make) {
  const DefaultFloatMode mode;
  const auto start = std::chrono::steady_clock::now();
  Program program;
  make(program);
  program.report.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return program;
}

Artifact compiled_by(const Target& target, const Graph& graph, CompileReport& report) {
  const plan::Machine machine = target.back_end.machine(target.device);
  const plan::Plan plan = lowered_for(machine, graph);
  const plan::Schedule how = plan::schedule(plan, machine);
  BackEnd::Code code = target.back_end.code(plan, how, target.device);
  Artifact artifact{std::move(code.object), plan.signature};
  artifact.signature.scratch = how.scratch;
  artifact.signature.lanes = how.machine.lanes;
  artifact.signature.shared = how.shared;
  report.instructions = code.instructions;
  ++compiled;
  return artifact;
}

}  // namespace

KeyFields key_fields(const Graph& graph, std::string_view device) {
  KeyFields fields{{"program", print(graph)}, {"adjoints", registered_adjoints(graph.body)}};
  const Target target = target_for(device);
  fields.emplace_back("device", target.back_end.name);
  for (auto& field : target.back_end.key_fields(graph, target.device)) {
    fields.push_back(std::move(field));
  }
  fields.emplace_back("nodec", build_id());
  return fields;
}

Program compile(const Graph& graph, const CompileOptions& options) {
  return timed([&](Program& program) {
    const Target target = target_for(options.device);
    const KeyFields fields = key_fields(graph, options.device);
    const Hash key = key_of(fields);
    if (auto found = options.cache.find(key)) {
      move_lines(graph, found->signature);
      program.executable = target.back_end.load(*found, target.device);
      program.report.from_cache = true;
      return;
    }
    const std::unique_ptr<Graph> copy = run_until(graph, kLastStage);
    Artifact artifact = compiled_by(target, *copy, program.report);
    remember_lines(graph, artifact.signature);
    program.executable = target.back_end.load(artifact, target.device);
    options.cache.store(key, artifact, fields);
  });
}

Program compile_expanded(const Graph& expanded) {
  return timed([&](Program& program) {
    const Target target = target_for({});
    const std::unique_ptr<Graph> copy = clone(expanded);
    run(*copy, "scalarize", kLastStage);
    program.executable =
        target.back_end.load(compiled_by(target, *copy, program.report), target.device);
  });
}

}  // namespace nodec
