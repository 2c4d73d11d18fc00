// mnist: trains a Neural ODE on handwritten digits with compiled programs.
#include <cstdio>
#include <optional>

#include "examples/digits/picture.h"
#include "examples/mnist/train.h"
#include "tools/standard_streams.h"

namespace nodec::mnist {
namespace {

// Also after --resume: flags say how it goes on.
void set_flags(nn::Trainer& trainer, const Options& o) {
  for (const auto& [name, value] :
       {std::pair("rtol", o.rtol), std::pair("atol", o.atol), std::pair("dt", o.dt),
        std::pair("max_steps", double(o.max_steps)), std::pair("lr", o.lr)}) {
    trainer.set(name, value);
  }
}

int run(int argc, char** argv) {
  const Parsed parsed = parse_options(argc, argv);
  if (parsed.exit_code != 0) {
    std::fprintf(stderr, "%s\n", parsed.message.c_str());
    return parsed.exit_code;
  }
  int on_error = parsed.run ? kBadInput : kRunFailure;
  try {
    if (!parsed.run) return print_out(parsed.message + "\n"), 0;
    const Options& options = parsed.options;
    for (const std::string& file : {options.save, options.checkpoint, options.report}) {
      if (!file.empty()) require_writable(file);
    }
    if (!options.predict.empty()) {
      nn::Trainer trainer = make_trainer(options, 1);
      set_flags(trainer, options);
      const Tensor outputs = trainer.predict(digits::read_pictures(options.predict));
      for (const auto& line : digits::named_digits(outputs, options.json)) print_out(line + "\n");
      return 0;
    }
    const auto say = [](const std::string& line) {
      std::fprintf(stderr, "data: %s\n", line.c_str());
    };
    digits::Dataset dataset =
        digits::load_dataset(options.data, options.limit, digits::Places::standard(), say);
    say(dataset.source);
    // The first nine tenths train, the rest test, as the tutorial splits; no shuffle before.
    auto [training, test] =
        nn::Loader(dataset.digits.images(), dataset.digits.answers(),
                   {.batch = options.batch, .shuffle = true, .seed = options.seed})
            .split(0.9);
    nn::Trainer trainer = make_trainer(options, training.batches());
    if (options.resume) trainer.resume(options.checkpoint, training);
    set_flags(trainer, options);
    std::optional<digits::Page> page;
    if (!options.report.empty()) {
      page.emplace(options.report, trainer, up_to_the_ode(options), dataset, training.samples(),
                   digits::PageWords{report(analyze(trace_training(options))), options.flags});
    }
    on_error = kRunFailure;
    return train(options, trainer, training, test, page);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error_text(error).c_str());
    return on_error;
  }
}

}  // namespace
}  // namespace nodec::mnist

int main(int argc, char** argv) {
  nodec::guard_standard_streams();
  return nodec::mnist::run(argc, argv);
}
