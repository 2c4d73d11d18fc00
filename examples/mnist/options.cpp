// Every flag is checked here, so that the rest of the program can trust its options.
#include "examples/mnist/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <sstream>

namespace nodec::mnist {
namespace {

using Check = CLI::Validator;

Check at_least(std::int64_t low, std::int64_t high = 1'000'000'000) {
  return {[low, high](std::string& text) -> std::string {
            std::int64_t value = 0;
            if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) return {};
            return fmt::format("wanted a whole number from {} to {}, got '{}'", low, high, text);
          },
          ""};
}

Check positive() {
  return {[](std::string& text) -> std::string {
            double value = 0;
            const bool number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
            if (number && value > 0) return {};
            return fmt::format("wanted a number above 0, got '{}'", text);
          },
          ""};
}

Check one_of(std::vector<std::string> names) {
  return {[names](std::string& text) -> std::string {
            if (std::find(names.begin(), names.end(), text) != names.end()) return {};
            return fmt::format("wanted one of {}, got '{}'", CLI::detail::join(names, ", "), text);
          },
          CLI::detail::join(names, "|")};
}

void add_flags(CLI::App& app, Options& o) {
  const auto number = [&](const char* flag, auto& value, const Check& check, const char* help) {
    return app.add_option(flag, value, help)->check(check);
  };
  app.add_option("--data", o.data,
                 "auto (NODEC_MNIST_DIR, the user's cache, a download, else synthetic), synthetic, "
                 "or a folder with MNIST's files")
      ->type_name("DIR|synthetic|auto");
  // Six is the least of which a tenth, rounded, is a whole image to test on.
  number("--limit", o.limit, at_least(6), "first images of the set, split 0.9/0.1 (default: all)")
      ->default_str("");
  number("--epochs", o.epochs, at_least(1), "passes over the training images");
  number("--batch", o.batch, at_least(1, 1 << 20), "images in a batch; the last may be short");
  number("--model", o.model, one_of({"layer", "stateful", "compact"}),
         "how the dynamics keep their state");
  number("--width", o.width, at_least(1, 1 << 14), "hidden width of the dynamics");
  number("--adjoint", o.adjoint, one_of({"discrete", "interpolating"}), "rule of the derivative");
  number("--init", o.init, one_of({"glorot", "kaiming"}), "initial weights");
  number("--seed", o.seed, at_least(0), "of initial weights and shuffles");
  number("--rtol", o.rtol, positive(), "relative tolerance of the solve");
  number("--atol", o.atol, positive(), "absolute tolerance of the solve");
  number("--lr", o.lr, positive(), "learning rate of Adam");
  number("--solver", o.solver, one_of({"tsit5", "rk4", "euler"}), "method of the solve");
  number("--dt", o.dt, positive(), "step of a fixed-step method (rk4, euler), which needs it")
      ->default_str("");
  number("--max-steps", o.max_steps, at_least(1), "steps a solve may try, rejected ones included");
  number("--controller", o.controller, one_of({"i", "pi"}), "step-size controller");
  number("--adjoint-tolerance", o.adjoint_tolerance, one_of({"scaled", "peer"}),
         "adjoint's absolute tolerance: by the cotangent's size, or as given");
  number("--threads", o.threads, at_least(1, 256), "default: as many as help at this batch size")
      ->default_str("");
  app.add_option("--save", o.save, "write the final parameters here (safetensors)")
      ->type_name("FILE");
  app.add_flag("--json", o.json, "one JSON object a line on standard output");
}

// What no single flag can tell.
void check_together(const Options& o) {
  const bool fixed = o.solver != "tsit5";
  if (fixed && o.dt == 0) {
    throw CLI::ValidationError("--solver",
                               fmt::format("{} takes fixed steps: give --dt", o.solver));
  }
  if (!fixed && o.dt != 0) {
    throw CLI::ValidationError("--dt", fmt::format("{} chooses its own steps", o.solver));
  }
}

}  // namespace

Parsed parse_options(int argc, const char* const* argv) {
  Parsed parsed;
  CLI::App app("Trains a Neural ODE on MNIST, compiled to machine code.", "mnist");
  app.option_defaults()->always_capture_default();
  app.get_formatter()->column_width(34);
  add_flags(app, parsed.options);
  try {
    app.parse(argc, argv);
    check_together(parsed.options);
    parsed.run = true;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const bool failed = app.exit(error, out, err) != 0;
    parsed.exit_code = failed ? kUsage : 0;
    parsed.message =
        failed ? fmt::format("error: {}\n  help: mnist --help lists every flag\n", error.what())
               : out.str();
  }
  return parsed;
}

}  // namespace nodec::mnist
