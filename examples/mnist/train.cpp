// From options to a trainer, and from there to a trained network.
#include "examples/mnist/train.h"

#include <unistd.h>

#include <cstdio>

#include "examples/mnist/report.h"
#include "tools/standard_streams.h"

namespace nodec::mnist {
namespace {

double percent(const nn::Evaluation& evaluation) {
  return 100.0 * evaluation.metrics[0].sum / evaluation.metrics[0].count;
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

}  // namespace

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

int train(const Options& o, nn::Trainer& trainer, nn::Loader& train, const nn::Loader& test,
          std::optional<digits::Page>& page) {
  const auto print = [&](const nn::Totals& epoch) {
    print_out((o.json ? json_line(epoch, o.epochs) : text_line(epoch, o.epochs)) + "\n");
  };
  trainer.prepare(train);
  const nn::Trainer::Compiled start = trainer.compiled();
  if (!start.why.empty())
    std::fprintf(stderr, "device: the processor, for %s\n", start.why.c_str());
  print_out((o.json ? json_line(start) : text_line(start)) + "\n");
  for (const nn::Totals& past : trainer.history()) print(past);
  std::unique_ptr<nn::StopOnSignal> stop;
  if (!o.checkpoint.empty()) stop = std::make_unique<nn::StopOnSignal>();
  nn::Progress progress(STDERR_FILENO);
  while (trainer.epoch() < o.epochs) {
    if (!step_through(o, trainer, train, stop.get(), progress)) {
      progress.clear();
      return stopped(o, trainer, stop->signal());
    }
    trainer.note("train_accuracy", percent(trainer.evaluate(train)));
    trainer.note("test_accuracy", percent(trainer.evaluate(test)));
    trainer.note("compiles", double(compile_count()));
    trainer.note("tape_growths", double(trainer.compiled().tape_growths));
    progress.clear();
    if (!o.checkpoint.empty()) trainer.save(o.checkpoint);
    print(trainer.history().back());
    if (page) page->write(trainer);
    for (const std::string& line : trainer.take_advice())
      std::fprintf(stderr, "%s\n", line.c_str());
    if (stop != nullptr && stop->asked() && trainer.epoch() < o.epochs) {
      return stopped(o, trainer, stop->signal());
    }
  }
  if (!o.save.empty()) trainer.save_parameters(o.save);
  return 0;
}

}  // namespace nodec::mnist
