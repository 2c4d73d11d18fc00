// The trainer's face: a step, an evaluation, a prediction, settings.
#include "compiler/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "compiler/nn/names.h"
#include "compiler/train/lines.h"
#include "compiler/train/trainer_state.h"
#include "ir/float_mode.h"
#include "ir/nearest.h"
#include "ir/status.h"
#include "ir/stopped.h"
#include "runtime/device_choice.h"

namespace nodec::nn {
namespace {

// What stops a program is told with where that was.
template <class F>
auto told_where(const F& work, const std::string& doing, const std::string& where) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error(fmt::format("{} in {}: {}", doing, where, error.message()), error.notes(),
                error.help());
  }
}

// What stopped a step, with its batch and what is odd about that.
Error stopped_in(const Batch& batch, const Error& error) {
  const auto* stopped = dynamic_cast<const Stopped*>(&error);
  const bool lone = stopped != nullptr && stopped->outcome().status == int(Status::OneSample);
  std::string help = error.help();
  if (lone && batch.samples() < batch.place.batch) {
    help += "; a loader leaves out the short batch with LoaderOptions::partial = false";
  }
  const std::string odd = odd_number(batch);
  return Error(fmt::format("training stopped in {}: {}{}{}", place_text(batch.place),
                           error.message(), odd.empty() ? "" : "; ", odd),
               error.notes(), help);
}

void check_rate(double rate, const Trainer::Impl& impl) {
  const double used = impl.recipe.dtype == Dtype::F32 ? double(float(rate)) : rate;
  if (std::isfinite(used) && used >= 0) return;
  throw Error(fmt::format("the schedule '{}' makes the learning rate {} at update {}",
                          impl.options.schedule.name(), rate, impl.updates),
              {}, "let its factors be finite, and 0 or more");
}

void check_samples(const Batch& batch) {
  if (batch.tables != nullptr && batch.samples() > 0) return;
  throw Error("a batch has no samples", {}, "take it from a Loader, or make it by Batch::of");
}

}  // namespace

double Evaluation::operator[](std::string_view metric) const {
  std::vector<std::string> names{"loss"};
  if (metric == "loss") return loss();
  for (std::size_t i = 0; i < measures.size(); ++i) {
    if (measures[i].name() == metric) return metrics[i].value();
    names.push_back(measures[i].name());
  }
  throw Error(fmt::format("an evaluation has no metric '{}'", metric), {},
              suggestion_or_all(metric, names, "it has"));
}

Trainer::Trainer(Layer model, Loss loss, Optimiser optimiser, TrainerOptions options)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(loss), std::move(optimiser),
                                   std::move(options))) {}
Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

StepResult Trainer::step(const Batch& batch) {
  const DefaultFloatMode mode;  // also for what the host adds up
  const auto began = std::chrono::steady_clock::now();
  Impl& impl = *impl_;
  check_samples(batch);
  TrainedProgram& program = impl.step_program(impl.programs(batch.tables), batch);
  const double rate = impl.lr * impl.options.schedule(impl.updates);
  check_rate(rate, impl);
  impl.write_rate(rate);
  const bool updates = impl.gathered + 1 == impl.options.accumulate, learnt = impl.updates > 0;
  if (impl.recipe.accumulates) {
    const Tensor& apply = std::as_const(impl.arrays)["apply"];
    if (apply.values<std::int32_t>()[0] != std::int32_t(updates)) {
      impl.arrays["apply"].values<std::int32_t>()[0] = std::int32_t(updates);
    }
  }
  StepResult result;
  try {
    const Outcome outcome = program.call(batch, impl.call_options(batch.samples()));
    result = program.told();
    for (std::string& line : impl.advice.hear(outcome)) impl.advised.push_back(std::move(line));
  } catch (const Error& error) {
    throw stopped_in(batch, error);
  }
  // As the arrays are now, also where what they hold is refused.
  impl.gathered = updates ? 0 : impl.gathered + 1;
  impl.updates += updates ? 1 : 0;
  impl.check_finite(result, batch, program.executable().device() != nullptr, learnt);
  result.updated = updates;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  impl.count(result, batch);
  return result;
}

Evaluation Trainer::evaluate(const Loader& loader) {
  const DefaultFloatMode mode;
  Impl& impl = *impl_;
  const Loader ordered = loader.in_order();
  if (ordered.batches() == 0) {
    throw Error("an evaluation has no samples", {}, "give it a loader of one sample or more");
  }
  Evaluation all;
  all.measures = impl.recipe.metrics;
  all.epoch = impl.epoch;
  for (std::int64_t i = 0; i < ordered.batches(); ++i) {
    const Batch batch = ordered.batch(1, i);
    Impl::Programs& programs = impl.programs(batch.tables);
    if (programs.evaluation == nullptr) {
      const TrainingProgram traced = trace_evaluation(impl.recipe, programs.types);
      impl.compiled(programs.evaluation, traced, compile(traced.traced, impl.compile_options()));
    }
    const auto work = [&] {
      programs.evaluation->call(batch, impl.call_options(batch.samples()));
      return programs.evaluation->told();
    };
    all.add(told_where(work, "training stopped",
                       fmt::format("the evaluation after epoch {}", impl.epoch)));
  }
  return all;
}

Tensor Trainer::predict(Table x) {
  const Batch batch = Batch::of(std::move(x));
  if (batch.samples() == 0) throw Error("a prediction has no samples", {}, "give it one or more");
  Impl::Programs& programs = impl_->programs(batch.tables);
  if (programs.prediction == nullptr) {
    const TrainingProgram traced = trace_prediction(impl_->recipe.model, impl_->recipe.input,
                                                    impl_->recipe.dtype, programs.types);
    impl_->compiled(programs.prediction, traced, compile(traced.traced, impl_->compile_options()));
  }
  return programs.prediction->predict(batch, impl_->call_options(batch.samples()));
}

void Trainer::prepare(const Loader& loader) {
  const Batch batch = loader.batch(1, 0);
  impl_->call_options(batch.samples());
  impl_->compile_side_by_side(impl_->programs(batch.tables));
}

std::int64_t Trainer::epoch() const { return impl_->epoch; }
std::int64_t Trainer::updates() const { return impl_->updates; }
const Totals& Trainer::running() const { return impl_->running; }
std::vector<Totals>& Trainer::history() { return impl_->history; }
const Layer& Trainer::model() const { return impl_->recipe.model; }
const TrainerOptions& Trainer::options() const { return impl_->options; }
NamedArrays& Trainer::arrays() { return impl_->arrays; }
Trainer::Parameters Trainer::params() { return {impl_->arrays, impl_->params}; }
std::vector<std::string> Trainer::take_advice() { return std::exchange(impl_->advised, {}); }

void Trainer::note(const std::string& what, double value) {
  if (impl_->history.empty()) {
    throw Error(fmt::format("'{}' is noted before an epoch has ended", what), {},
                "step through an epoch first");
  }
  if (what.empty() || is_told(what)) {
    throw Error(what.empty() ? "a note has no name"
                             : fmt::format("a note is called '{}', as an epoch's own", what),
                {}, "give it a name of its own");
  }
  impl_->history.back().notes[what] = value;
}

Tensor& Trainer::Parameters::operator[](std::string_view name) const {
  if (std::ranges::find(names_, name) != names_.end()) return arrays_[name];
  throw Error(fmt::format("there is no parameter '{}'", name), {},
              suggestion_or_all(name, names_, "the parameters are"));
}

std::int64_t Trainer::Parameters::count() const {
  std::int64_t count = 0;
  for (const std::string& name : names_) count += arrays_.type(name).count();
  return count;
}

Trainer::Compiled Trainer::compiled() const {
  Compiled all;
  all.milliseconds = impl_->compile_ms;
  all.from_cache = true;
  all.threads = impl_->most_threads;
  const DeviceChoice device = read_device(impl_->options.device);
  all.device = device_words(device);
  all.why = device.why;
  all.copies = impl_->arrays.copies();
  all.copies.in += impl_->tables.copied_in();
  const char* cpu = std::getenv("NODEC_CPU");
  if (cpu != nullptr && *cpu != '\0') all.cpu = cpu;
  for (const std::string& name : impl_->params) all.parameters += impl_->arrays.type(name).count();
  for (const auto& programs : impl_->all_programs) {
    for (const auto* slot :
         {&programs->step, &programs->telling_step, &programs->evaluation, &programs->prediction}) {
      if (*slot == nullptr) continue;
      all.from_cache = all.from_cache && (*slot)->from_cache();
      all.lanes = (*slot)->executable().signature().lanes;
      const RunCounts counts = (*slot)->executable().counts();
      all.tape_growths += counts.tape_growths;
      all.launches += counts.launches;
      if (slot == &programs->step)
        all.launch = (*slot)->executable().launch_form(impl_->most_samples);
      all.copies.in += counts.copied_in;
      all.copies.out += counts.copied_out;
    }
  }
  return all;
}

}  // namespace nodec::nn
