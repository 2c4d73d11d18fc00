// nodec check: whether a program's gradient can be relied on, and by which adjoint rule.
#include "tools/nodec/arrays.h"
#include "tools/nodec/gradient_check.h"
#include "tools/nodec/models.h"
#include "tools/nodec/verb.h"
#include "tools/usage.h"

namespace nodec {
namespace {

struct Check {
  std::string model;
  std::vector<std::string> sizes;
  CheckOptions options;
  bool json = false;

  int run() {
    options.sizes = read_sizes(sizes);
    const GradientCheck check = check_gradient(*load_model(model), options);
    json ? write_out(check_json(model, check), Output::Data) : write_out(check_text(model, check));
    return options.limit > 0 && !(check.worst() <= options.limit) ? kFindings : kClean;
  }
};

}  // namespace

Verb add_check(CLI::App& nodec) {
  const auto check = std::make_shared<Check>();
  CLI::App* verb =
      add_verb(nodec, "check", "check a gradient by every adjoint rule and by differences",
               "  nodec check libuser.so:decay --input k=0.5\n"
               "  nodec check mnist/compact --size B=32 --limit 1e-2   # a gate in a build\n");
  add_model(verb, check->model);
  CheckOptions& options = check->options;
  verb->add_option("--input", options.inputs,
                   "as `nodec run` takes it; inputs that are not given are made up")
      ->option_text("INPUT ...");
  verb->add_option("--size", check->sizes, "NAME=NUMBER for a symbol such as B; 128 by default")
      ->option_text("SIZE ...");
  verb->add_option("--seed", options.seed,
                   "of the inputs and directions that are made up, 0 by default");
  verb->add_option("--directions", options.directions,
                   "how many random directions to take central differences along, 3 by default")
      ->check(at_least(1, 1000));
  verb->add_option("--limit", options.limit,
                   "exit with 1 when the program's gradient is farther than this, relatively, from "
                   "the reference, or that from central differences")
      ->check(above_zero());
  verb->add_option("--threads", options.threads, "threads to run on at most, 1 by default")
      ->check(at_least(1, 1024));
  verb->add_flag("--json", check->json, "one JSON object");
  return {verb, [check] { return check->run(); }};
}

}  // namespace nodec
