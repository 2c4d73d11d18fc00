// nodec, the command line: lists models, reports their inferred types, and prints a program as it
// is after any stage.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "compiler/infer/infer.h"
#include "compiler/pipeline.h"
#include "ir/error.h"
#include "tools/nodec/models.h"
#include "tools/nodec/types_report.h"

namespace nodec {
namespace {

enum ExitCode { kClean = 0, kFindings = 1, kUsage = 2, kBadInput = 3, kFailure = 4 };

std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  const auto add = [&](std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  };
  for (const Stage& stage : graph_stages()) add(stage.name);
  for (const char* name : {"lower", "codegen", "assembly"}) add(name);
  return names;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) throw Error("cannot write to standard output");
}

// Runs `work`; an Error it throws becomes a message and the given exit code.
template <class Work>
int guarded(ExitCode on_error, Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return on_error;
  }
}

struct Types {
  std::string model;
  bool json = false, deny = false;

  int run() const {
    std::unique_ptr<Graph> graph;
    const int loaded = guarded(kBadInput, [&] { return graph = load_model(model), kClean; });
    if (loaded != kClean) return loaded;
    return guarded(kFailure, [&] {
      const std::vector<Finding> findings = analyze(*graph);
      const Inference inference = infer(*graph);
      nodec::print((json ? types_json : types_text)(model, *graph, inference, findings));
      return deny && !findings.empty() ? kFindings : kClean;
    });
  }
};

struct Dump {
  std::string model, after;

  int run() const {
    std::unique_ptr<Graph> graph;
    const int loaded = guarded(kBadInput, [&] { return graph = load_model(model), kClean; });
    if (loaded != kClean) return loaded;
    return guarded(kFailure, [&] { return nodec::print(dump(*graph, after)), kClean; });
  }
};

constexpr const char* kModelHelp = "a model's name (nodec list), a file of IR text, or -";

int main(int argc, char** argv) {
  CLI::App app("Looks at differentiable programs as nodec's compiler sees them.", "nodec");
  app.require_subcommand(1);
  app.add_subcommand("list", "print the registered models' names, one a line");
  Types types;
  CLI::App* types_verb = app.add_subcommand("types", "report inferred types and findings");
  types_verb->add_option("MODEL", types.model, kModelHelp)->required();
  types_verb->add_flag("--json", types.json, "one JSON object");
  types_verb->add_flag("--deny", types.deny, "exit with 1 when there are findings");
  Dump dumping;
  CLI::App* dump_verb = app.add_subcommand("dump", "print the program after a stage");
  dump_verb->add_option("MODEL", dumping.model, kModelHelp)->required();
  dump_verb->add_option("--after", dumping.after, "the stage")
      ->required()
      ->check(CLI::IsMember(stage_names()));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kClean : kUsage;
  }
  if (types_verb->parsed()) return types.run();
  if (dump_verb->parsed()) return dumping.run();
  return guarded(kFailure, [] {
    for (const std::string& name : model_names()) nodec::print(name + "\n");
    return kClean;
  });
}

}  // namespace
}  // namespace nodec

int main(int argc, char** argv) { return nodec::main(argc, argv); }
