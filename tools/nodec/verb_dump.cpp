// nodec dump: a program after any stage.
#include "compiler/pipeline.h"
#include "ir/print.h"
#include "tools/nodec/models.h"
#include "tools/nodec/picture.h"
#include "tools/nodec/stages.h"
#include "tools/nodec/verb.h"
#include "tools/usage.h"

namespace nodec {
namespace {

struct Dump {
  std::string model, after = "trace", device;
  bool locations = false, dot = false, svg = false, html = false;

  int run() const {
    require_stage(after);
    const bool drawn = dot || svg || html;
    if (drawn && !is_graph_stage(after)) {
      throw UsageError(fmt::format("after {} the program is no graph any more", after), {},
                       "draw it after one of trace ... expand");
    }
    const std::shared_ptr<Graph> graph = load_model(model);
    if (drawn) {
      write_out(drawing(*graph), Output::Data);
    } else if (locations && is_graph_stage(after)) {
      write_out(print(*run_until(*graph, after), {.locations = true}));
    } else {
      write_out(dump(*graph, after, device));
    }
    return kClean;
  }

  // Findings are those of the traced program: later stages have no boxes.
  std::string drawing(const Graph& traced) const {
    const std::vector<Finding> findings = analyze(traced);
    const std::unique_ptr<Graph> graph = run_until(traced, after);
    const Picture picture = nodec::picture(*graph, infer(*graph), findings, model, after);
    return (dot ? picture_dot : svg ? picture_svg : picture_page)(picture);
  }
};

}  // namespace

Verb add_dump(CLI::App& nodec) {
  const auto dumping = std::make_shared<Dump>();
  CLI::App* verb = add_verb(nodec, "dump", "print the program after a stage",
                            "  nodec dump mnist/layer --after trace\n"
                            "  nodec dump mnist/compact --after lower       # the plan\n"
                            "  nodec dump mnist/compact --after assembly\n"
                            "  nodec dump mnist/compact --after codegen --device cuda-emulated\n"
                            "  nodec dump mnist/layer --after trace --html >layer.html\n");
  add_model(verb, dumping->model);
  verb->add_option("--device", dumping->device,
                   "whose schedule and code: cpu (default), cuda[:sm_N], cuda-emulated")
      ->check(a_device());
  verb->add_option("--after", dumping->after, "the stage: " + stage_list())
      ->option_text("STAGE")
      ->required();
  verb->add_flag("--locations", dumping->locations,
                 "each op's line and layer behind it (stages that print IR)");
  CLI::Option_group* forms = verb->add_option_group("pictures", "of stages that print IR");
  CLI::Option* html =
      forms->add_flag("--html", dumping->html, "a page to open in a browser, complete in itself");
  CLI::Option* svg = forms->add_flag("--svg", dumping->svg, "a drawing, made by Graphviz");
  svg->excludes(html);
  forms->add_flag("--dot", dumping->dot, "Graphviz's language")->excludes(html)->excludes(svg);
  return {verb, [dumping] { return dumping->run(); }};
}

}  // namespace nodec
