// mnist: trains a Neural ODE on handwritten digits with compiled programs.
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "examples/digits/page.h"
#include "examples/digits/picture.h"
#include "examples/mnist/options.h"
#include "tools/standard_streams.h"

namespace nodec::mnist {
namespace {

// A trainer of the model that the options describe, over so many batches an epoch; its parameters
// are drawn, or those of --load.
nn::Trainer make_trainer(const Options& o, std::int64_t batches) {
  nn::Recipe how = recipe(o, nn::optimiser_named(o.optimiser, o.lr));
  nn::TrainerOptions options;
  options.seed = o.seed;
  options.init = o.init == "kaiming" ? nn::Init::Kaiming : nn::Init::Glorot;
  options.dtype = how.dtype;
  options.input = how.input;
  options.metrics = how.metrics;
  options.schedule = nn::schedule_named(o.schedule, o.epochs * batches);
  options.gradient_error = o.gradient_error;
  options.threads = o.threads;
  options.device = o.device;
  options.tape_limit = o.tape_limit;
  nn::Trainer trainer(how.model, how.loss, how.optimiser, options);
  if (!o.load.empty()) trainer.load(o.load, {.allow_missing = o.allow_missing});
  return trainer;
}

// Also after --resume: flags say how it goes on.
void set_flags(nn::Trainer& trainer, const Options& o) {
  for (const auto& [name, value] :
       {std::pair("rtol", o.rtol), std::pair("atol", o.atol), std::pair("dt", o.dt),
        std::pair("max_steps", double(o.max_steps)), std::pair("lr", o.lr)}) {
    trainer.set(name, value);
  }
}

// One epoch's batches; false where a signal asked to stop before its end.
bool step_through(const Options& o, nn::Trainer& trainer, nn::Loader& train,
                  const nn::StopOnSignal* stop, nn::Progress& progress) {
  const std::string title = fmt::format("[{}/{}]", trainer.epoch() + 1, o.epochs);
  for (const nn::Batch& batch : train) {
    const nn::StepResult step = trainer.step(batch);
    progress.show(title, batch.place.index + 1, batch.place.batches, step.loss);
    if (batch.place.is_last()) continue;  // its checkpoint comes after the evaluation
    const bool stops = stop != nullptr && stop->asked();
    if (stops || (o.every > 0 && (batch.place.index + 1) % o.every == 0))
      trainer.save(o.checkpoint);
    if (stops) return false;
  }
  return true;
}

int stopped(const Options& o, const nn::Trainer& trainer, int signal) {
  const std::int64_t batches = trainer.running().batches, epoch = trainer.epoch();
  const std::string where = batches > 0 ? fmt::format("batch {} of epoch {}", batches, epoch + 1)
                                        : fmt::format("epoch {}", epoch);
  std::fprintf(stderr, "stopped after %s; go on with --checkpoint %s --resume\n", where.c_str(),
               o.checkpoint.c_str());
  return 128 + signal;
}

// Trains to the end, or until a signal asks to stop where there is a checkpoint; prints a line an
// epoch, those before a checkpoint that is gone on from included. What the process is to exit with.
// The page, if there is one, is written after each epoch.
int train(const Options& o, nn::Trainer& trainer, nn::Loader& train, const nn::Loader& test,
          std::optional<digits::Page>& page) {
  const nn::Percents told{{"train_accuracy", "Training Accuracy"},
                          {"test_accuracy", "Test Accuracy"}};
  const std::int64_t last = std::max(o.epochs, trainer.epoch());
  const auto print = [&](const nn::Totals& epoch) {
    print_out((o.json ? nn::json_line(epoch, last) : nn::text_line(epoch, last, told)) + "\n");
  };
  trainer.prepare(train);
  const nn::Trainer::Compiled start = trainer.compiled();
  if (!start.why.empty())
    std::fprintf(stderr, "device: the processor, for %s\n", start.why.c_str());
  print_out((o.json ? nn::json_line(start) : nn::text_line(start)) + "\n");
  for (const nn::Totals& past : trainer.history()) print(past);
  if (trainer.epoch() >= o.epochs) std::fprintf(stderr, "trained already\n");
  std::unique_ptr<nn::StopOnSignal> stop;
  if (!o.checkpoint.empty()) stop = std::make_unique<nn::StopOnSignal>();
  nn::Progress progress(STDERR_FILENO);
  while (trainer.epoch() < o.epochs) {
    if (!step_through(o, trainer, train, stop.get(), progress)) {
      progress.clear();
      return stopped(o, trainer, stop->signal());
    }
    trainer.note("train_accuracy", 100 * trainer.evaluate(train)["accuracy"]);
    trainer.note("test_accuracy", 100 * trainer.evaluate(test)["accuracy"]);
    trainer.note("compiles", double(compile_count()));
    trainer.note("tape_growths", double(trainer.compiled().tape_growths));
    progress.clear();
    if (!o.checkpoint.empty()) trainer.save(o.checkpoint);
    print(trainer.history().back());
    if (page) page->write(trainer);
    for (const std::string& line : trainer.take_advice())
      std::fprintf(stderr, "%s\n", line.c_str());
    if (stop != nullptr && stop->asked() && trainer.epoch() < o.epochs)
      return stopped(o, trainer, stop->signal());
  }
  if (!o.save.empty()) trainer.save_parameters(o.save);
  return 0;
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
    for (const std::string& file : {options.save, options.checkpoint, options.report})
      if (!file.empty()) require_writable(file);
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
