// nodec types: inferred types, and the findings of the type-stability gate.
#include <algorithm>

#include "compiler/analyze.h"
#include "compiler/pipeline.h"
#include "ir/report.h"
#include "ir/text.h"
#include "tools/nodec/models.h"
#include "tools/nodec/retrace.h"
#include "tools/nodec/terminal.h"
#include "tools/nodec/types_json.h"
#include "tools/nodec/types_table.h"
#include "tools/nodec/verb.h"
#include "tools/usage.h"

namespace nodec {
namespace {

struct Types {
  std::string model;
  bool json = false, sarif = false, deny = false, summary = false, backward = false;
  bool no_prove = false, retrace = false;
  std::string colour = "auto";

  int run() const {
    if (retrace && !is_traced_by_name(model)) {
      throw UsageError(fmt::format("'{}' is text, which says the same every time", model), {},
                       "give --retrace a registered model or libuser.so:name");
    }
    try {
      return analyzed();
    } catch (const Unstable& refused) {  // while it was traced: there is no program to show
      show({.findings = all_findings(refused), .not_derived = "its trace stops"});
      return deny ? kFindings : kClean;
    }
  }

  int analyzed() const {
    const std::shared_ptr<Graph> graph = load_model(model);
    const std::vector<Difference> differing =
        retrace ? differences(*graph, *load_model(model)) : std::vector<Difference>{};
    const std::vector<Finding> findings = analyze(*graph);
    Shown shown{.program = graph, .findings = findings, .differing = differing};
    if (!stable(findings)) {
      const auto stops = [](const Finding& finding) { return !finding.stable(); };
      const auto count = std::count_if(findings.begin(), findings.end(), stops);
      shown.not_derived = fmt::format(
          "{} stop{} a compile", count_of(std::size_t(count), "finding"), count == 1 ? "s" : "");
    } else if (backward) {
      try {
        shown.program = run_until(*graph, "differentiate");
      } catch (const Error& refused) {
        shown.not_derived = refused.message();
        show(shown);
        throw;
      }
    }
    show(shown);
    return deny && (!findings.empty() || !differing.empty()) ? kFindings : kClean;
  }

  // `program`: null when there is none. `not_derived`: why derivatives cannot be written out.
  struct Shown {
    std::shared_ptr<const Graph> program = nullptr;
    std::vector<Finding> findings = {};
    std::vector<Difference> differing = {};
    std::string not_derived = {};
  };

  void show(const Shown& shown) const {
    const auto& [program, findings, differing, not_derived] = shown;
    if (sarif) return write_out(types_sarif(model, findings, differing), Output::Data);
    const Graph none;
    const Graph& graph = program != nullptr ? *program : none;
    const Inference inference = infer(graph);
    if (json) {
      return write_out(types_json(model, graph, inference, findings, !no_prove, differing,
                                  backward ? not_derived : ""),
                       Output::Data);
    }
    const bool coloured = colour_wanted(colour == "always"  ? ColourWhen::Always
                                        : colour == "never" ? ColourWhen::Never
                                                            : ColourWhen::Auto);
    std::string text;
    if (program != nullptr) {
      text = types_table(graph, inference,
                         {.colour = coloured, .prove = !no_prove, .summary = summary});
      if (retrace) text += retrace_text(differing);
    }
    if (backward && !not_derived.empty()) {
      text += fmt::format("backward: not differentiated, because {}\n", not_derived);
    }
    write_out(text + report(findings, {.colour = coloured}),
              coloured ? Output::Coloured : Output::Text);
  }
};

}  // namespace

Verb add_types(CLI::App& nodec) {
  const auto types = std::make_shared<Types>();
  CLI::App* verb =
      add_verb(nodec, "types", "report inferred types, and variables whose type is not stable",
               "  nodec types mnist/layer\n"
               "  nodec types libuser.so:decay --deny --backward   # a gate in a build\n"
               "  nodec dump mnist/layer --after simplify | nodec types - --summary\n");
  add_model(verb, types->model);
  verb->add_flag("--deny", types->deny, "exit with 1 when there are findings");
  CLI::Option* written = verb->add_flag("--backward", types->backward,
                                        "show the program with its derivatives written out");
  // Derivatives are of a program whose boxes are proven cells.
  verb->add_flag("--no-prove", types->no_prove,
                 "types as a compiler sees them that stops at boxes: what is loaded is any")
      ->excludes(written);
  CLI::Option* summary = verb->add_flag("--summary", types->summary, "one line for each layer");
  verb->add_flag("--retrace", types->retrace,
                 "trace the model twice and report the ops that differ");
  CLI::Option* json = verb->add_flag("--json", types->json, "one JSON object")->excludes(summary);
  verb->add_flag("--sarif", types->sarif, "findings as a SARIF 2.1.0 log")
      ->excludes(json)
      ->excludes(summary);
  verb->add_option("--color", types->colour, "colour: auto (on a terminal), always or never")
      ->check(one_of({"auto", "always", "never"}))
      ->option_text("WHEN");
  return {verb, [types] { return types->run(); }};
}

}  // namespace nodec
