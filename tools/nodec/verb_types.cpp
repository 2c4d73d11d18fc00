// nodec types: inferred types, and the findings of the type-stability gate.
#include "compiler/analyze.h"
#include "compiler/pipeline.h"
#include "ir/report.h"
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
      show(nullptr, all_findings(refused), {});
      return deny ? kFindings : kClean;
    }
  }

  int analyzed() const {
    const std::shared_ptr<Graph> graph = load_model(model);
    const std::vector<Difference> differing =
        retrace ? differences(*graph, *load_model(model)) : std::vector<Difference>{};
    const std::vector<Finding> findings = analyze(*graph);
    const bool derived = backward && stable(findings);
    const auto shown = derived ? run_until(*graph, "differentiate") : nullptr;
    show(derived ? shown.get() : graph.get(), findings, differing);
    return deny && (!findings.empty() || !differing.empty()) ? kFindings : kClean;
  }

  // `program`: null when there is none.
  void show(const Graph* program, const std::vector<Finding>& findings,
            const std::vector<Difference>& differing) const {
    if (sarif) return write_out(types_sarif(model, findings));
    const Graph none;
    const Graph& graph = program != nullptr ? *program : none;
    const Inference inference = infer(graph);
    if (json) {
      return write_out(types_json(model, graph, inference, findings, !no_prove, differing));
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
    write_out(text + report(findings, {.colour = coloured}));
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
  verb->add_flag("--backward", types->backward,
                 "show the program with its derivatives written out");
  verb->add_flag("--no-prove", types->no_prove,
                 "types as a compiler sees them that stops at boxes: what is loaded is any");
  verb->add_flag("--summary", types->summary, "one line for each layer");
  verb->add_flag("--retrace", types->retrace,
                 "trace the model twice and report the ops that differ");
  CLI::Option* json = verb->add_flag("--json", types->json, "one JSON object");
  verb->add_flag("--sarif", types->sarif, "findings as a SARIF 2.1.0 log")->excludes(json);
  verb->add_option("--color", types->colour, "colour: auto (on a terminal), always or never")
      ->check(one_of({"auto", "always", "never"}))
      ->option_text("WHEN");
  return {verb, [types] { return types->run(); }};
}

}  // namespace nodec
