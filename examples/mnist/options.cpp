// Every flag is checked here, so that the rest of the program can trust its options.
#include "examples/mnist/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "compiler/nodec.h"

namespace nodec::mnist {
namespace {

void add_flags(CLI::App& app, Options& o) {
  const auto number = [&](const char* flag, auto& value, const CLI::Validator& check,
                          const char* help) {
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
  number("--adjoint", o.adjoint, one_of({"discrete", "gauss", "interpolating"}),
         "rule of the derivative");
  number("--init", o.init, one_of({"glorot", "kaiming"}), "initial weights");
  number("--seed", o.seed, at_least(0), "of initial weights and shuffles");
  number("--rtol", o.rtol, above_zero(), "relative tolerance of the solve");
  number("--atol", o.atol, above_zero(), "absolute tolerance of the solve");
  number("--lr", o.lr, above_zero(), "learning rate");
  number("--optimiser", o.optimiser, one_of({"adam", "adamw", "sgd", "rmsprop"}),
         "how parameters follow the gradient");
  number("--schedule", o.schedule, one_of({"constant", "cosine", "exponential", "step", "warm-up"}),
         "of the learning rate, over all updates");
  number("--dtype", o.dtype, one_of({"f32", "f64"}), "of parameters and states");
  number("--solver", o.solver, one_of({"tsit5", "rk4", "euler"}), "method of the solve");
  number("--dt", o.dt, above_zero(), "step of a fixed-step method (rk4, euler), which needs it")
      ->default_str("");
  number("--max-steps", o.max_steps, at_least(1), "steps a solve may try, rejected ones included");
  number("--controller", o.controller, one_of({"i", "pi"}), "step-size controller");
  number("--adjoint-tolerance", o.adjoint_tolerance, one_of({"scaled", "peer"}),
         "adjoint's absolute tolerance: by the cotangent's size, or as given");
  app.add_flag("--gradient-error", o.gradient_error,
               "tell how far off the gradient of each epoch's first batch is");
  number("--device", o.device, a_device(), "cpu, cuda, cuda:sm_N, auto or cuda-emulated")
      ->type_name("DEVICE");
  number("--threads", o.threads, at_least(1, 256),
         "at most; default: as many as help at this batch size")
      ->default_str("");
  app.add_option("--tape-limit", o.tape_limit,
                 "memory that the gradient's tapes may take (2GB; default: half of the machine's)")
      ->transform(a_size())
      ->type_name("SIZE")
      ->default_str("");
  app.add_option("--save", o.save, "write the final parameters here (safetensors)")
      ->type_name("FILE");
  app.add_option("--load", o.load, "begin with the parameters of this file (safetensors)")
      ->type_name("FILE");
  app.add_flag("--allow-missing", o.allow_missing,
               "--load takes what the file and the model share by name");
  app.add_option("--checkpoint", o.checkpoint, "after each epoch, write here what --resume needs")
      ->type_name("FILE");
  number("--every", o.every, at_least(1), "also write it after so many batches")->default_str("");
  app.add_flag("--resume", o.resume, "go on from --checkpoint, if that file is there");
  app.add_option("--report", o.report, "a page about the training, written anew after each epoch")
      ->type_name("FILE.html");
  app.add_option(
         "--predict", o.predict,
         "name these digits with the parameters of --load, and train nothing (a PNG picture "
         "of 28x28 grey, .npy or IDX)")
      ->type_name("FILE");
  app.add_flag("--json", o.json, "one JSON object a line on standard output");
}

// What no single flag can tell. A flag that would change nothing is refused.
void check_together(const CLI::App& app, const Options& o) {
  const auto given = [&](const char* flag) { return app.count(flag) > 0; };
  const auto refuse = [](bool wrong, const char* flag, const std::string& why) {
    if (wrong) throw CLI::ValidationError(flag, why);
  };
  for (const char* flag : {"--save", "--load", "--checkpoint", "--predict", "--report"})
    refuse(given(flag) && app[flag]->as<std::string>().empty(), flag, "no file is named");
  const auto one_file = [](const std::string& a, const std::string& b) {
    return !a.empty() && !b.empty() && is_one_file(a, b);
  };
  refuse(one_file(o.save, o.checkpoint) || one_file(o.save, o.report), "--save",
         "another flag writes that file");
  refuse(one_file(o.report, o.checkpoint), "--report", "that is --checkpoint's file");
  for (const char* flag : {"--save", "--checkpoint", "--report", "--data", "--limit", "--epochs",
                           "--batch", "--lr", "--optimiser", "--schedule", "--gradient-error"})
    refuse(given(flag) && given("--predict"), flag, "--predict trains nothing");
  const bool fixed = o.solver != "tsit5", starts = o.checkpoint.empty();
  refuse(!o.load.empty() && given("--init"), "--init", "--load gives the parameters to begin with");
  for (const char* flag : {"--every", "--resume"})
    refuse(starts && given(flag), flag, "no --checkpoint is named");
  for (const char* flag : {"--allow-missing", "--predict"})
    refuse(o.load.empty() && given(flag), flag, "no --load is named");
  refuse(o.resume && given("--load"), "--load",
         "--resume goes on with the checkpoint's parameters");
  for (const char* flag : {"--rtol", "--atol", "--controller", "--adjoint-tolerance"})
    refuse(fixed && given(flag), flag, o.solver + " takes fixed steps and measures no error");
  refuse(o.adjoint == "discrete" && given("--adjoint-tolerance"), "--adjoint-tolerance",
         "the discrete adjoint goes back over the steps taken, without one");
  refuse(fixed && o.gradient_error, "--gradient-error",
         o.solver + " has no embedded weights, which tell it");
  refuse(fixed && o.dt == 0, "--solver", o.solver + " takes fixed steps: give --dt");
  refuse(!fixed && o.dt != 0, "--dt", o.solver + " chooses its own steps");
}

}  // namespace

Parsed parse_options(int argc, const char* const* argv) {
  Parsed parsed;
  CLI::App app("Trains a Neural ODE on MNIST, compiled to machine code.", "mnist");
  app.option_defaults()->always_capture_default();
  app.get_formatter()->column_width(34);
  add_flags(app, parsed.options);
  static_cast<CommandLine&>(parsed) =
      parse_command_line(app, argc, argv, [&] { check_together(app, parsed.options); });
  if (parsed.run) parsed.options.flags = app.config_to_str(true, false);
  return parsed;
}

}  // namespace nodec::mnist
