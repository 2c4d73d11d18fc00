// The pipeline: every stage by name and in order, and the two ways to use it: stop after a stage
// and look at the program (dump), or go through to machine code (compile).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/finding.h"
#include "ir/graph.h"
#include "ir/held.h"
#include "runtime/cache.h"
#include "runtime/executable.h"

namespace nodec {

// A stage rewrites the graph (or only looks at it, and throws what it finds).
struct Stage {
  std::string_view name;
  void (*run)(Graph& graph);
};
// From trace to expand, and what readies the expanded program for lower. The last three stages,
// lower, schedule and codegen, leave the graph for a plan, how it is walked, and machine code.
std::span<const Stage> graph_stages();
// What `dump` knows, each once and in order: trace ... sink, lower, schedule, codegen, assembly.
std::vector<std::string> stage_names();

// A copy of the graph, taken through the stages up to and with this graph stage.
std::unique_ptr<Graph> run_until(const Graph& graph, std::string_view stage);

// The program after `stage` as text: IR, then the plan after "lower", the plan and how it is walked
// after "schedule", LLVM IR or CUDA C++ after "codegen", and assembly or PTX after "assembly". The
// graph given is not changed. Error on an unknown stage or device, naming those there are.
std::string dump(const Graph& graph, std::string_view stage, std::string_view device = {});

struct AnalyzeOptions {
  bool backward = true;     // the derivatives that the program asks for as well
  bool unfinished = false;  // more might follow: nothing is said that it could refute
};

// Types and stability of a traced program, findings as data.
std::vector<Finding> analyze(const Graph& graph, const AnalyzeOptions& options = {});

struct CompileOptions {
  ObjectCache cache = ObjectCache::from_environment();
  // Where it is to run, in the words of runtime/device_choice.h; empty: on the processor.
  std::string device = {};
};

struct CompileReport {
  double milliseconds = 0;  // from the traced graph to something callable
  bool from_cache = false;
  std::int64_t instructions = 0;  // of LLVM IR; 0 when it came from the cache
};

struct Program {
  Held<const Executable> executable;
  CompileReport report;
};

// The machine code of a program, from the cache when it holds this very program for this processor.
// Throws Error when the program is unstable or says something that cannot be compiled.
Program compile(const Graph& graph, const CompileOptions& options = {});

// The same from where run_until(graph, "expand") ended, changed or not, its tensors left tensors
// (compiler/passes/scalarize.h); never from the cache.
Program compile_expanded(const Graph& expanded);

// What a program's machine code is found by in the cache: the traced program, the processor, the
// compilers. Two programs of equal fields are one.
KeyFields key_fields(const Graph& graph, std::string_view device = {});

// Programs compiled (not found in a cache) since the process started.
std::int64_t compile_count();

}  // namespace nodec
