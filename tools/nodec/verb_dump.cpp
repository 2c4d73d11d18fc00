// nodec dump: a program after any stage.
#include "compiler/pipeline.h"
#include "ir/print.h"
#include "tools/nodec/models.h"
#include "tools/nodec/nearest.h"
#include "tools/nodec/stages.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

struct Dump {
  std::string model, after = "trace";
  bool locations = false;

  int run() const {
    require_stage(after);
    const std::unique_ptr<Graph> graph = load_model(model);
    if (locations && is_graph_stage(after)) {
      write_out(print(*run_until(*graph, after), {.locations = true}));
    } else {
      write_out(dump(*graph, after));
    }
    return kClean;
  }
};

}  // namespace

Verb add_dump(CLI::App& nodec) {
  const auto dumping = std::make_shared<Dump>();
  CLI::App* verb = add_verb(nodec, "dump", "print the program after a stage",
                            "  nodec dump mnist/layer --after trace\n"
                            "  nodec dump mnist/compact --after lower       # the plan\n"
                            "  nodec dump mnist/compact --after assembly\n");
  add_model(verb, dumping->model);
  verb->add_option("--after", dumping->after, "the stage: " + stage_list())
      ->option_text("STAGE")
      ->required();
  verb->add_flag("--locations", dumping->locations,
                 "each op's line and layer behind it (stages that print IR)");
  return {verb, [dumping] { return dumping->run(); }};
}

}  // namespace nodec
