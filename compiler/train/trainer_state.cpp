// Arrays drawn, programs compiled, batches counted.
#include "compiler/train/trainer_state.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <future>

#include "ir/nearest.h"
#include "ir/text.h"

namespace nodec::nn {
namespace {

std::vector<std::int64_t> dims_of(const Type& type) {
  std::vector<std::int64_t> dims;
  for (const Dim& dim : type.shape()) dims.push_back(dim.constant());
  return dims;
}

template <class T>
std::vector<std::string> put_leaves(NamedArrays& arrays, const Leaves<T>& leaves,
                                    const std::string& prefix) {
  std::vector<std::string> names;
  for (const Leaf& leaf : leaves.leaves) {
    names.push_back(prefix + leaf.name);
    arrays.set(names.back(), Tensor::of(dims_of(leaf.type), leaves.view(leaf)));
  }
  return names;
}

std::vector<std::string> put_zeros(NamedArrays& arrays, const Type& type,
                                   const std::string& prefix) {
  std::vector<std::string> names = tracing::leaf_names(type, prefix);
  const std::vector<Type> types = tracing::leaf_types(type);
  for (std::size_t i = 0; i < names.size(); ++i) {
    arrays.set(names[i], Tensor(types[i].dtype(), dims_of(types[i])));
  }
  return names;
}

template <class T>
void put_setup(Trainer::Impl& impl) {
  const Setup<T> begin = setup<T>(impl.options.seed, impl.recipe.model, impl.options.init);
  impl.params = put_leaves(impl.arrays, begin.params, "");
  impl.state = put_leaves(impl.arrays, begin.state, "state.");
}

// Quick enough for every step, where the processor's widest vectors are used: without its sign, a
// value that is not finite has bits that make a greater number than those of any other.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(NODEC_SANITIZED)
#define NODEC_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NODEC_WIDE
#endif

NODEC_WIDE bool all_finite(std::span<const float> values) {
  std::uint32_t greatest = 0;
  for (const float value : values) {
    greatest = std::max(greatest, std::bit_cast<std::uint32_t>(value) << 1);
  }
  return greatest < 0xff000000;
}

NODEC_WIDE bool all_finite(std::span<const double> values) {
  std::uint64_t greatest = 0;
  for (const double value : values) {
    greatest = std::max(greatest, std::bit_cast<std::uint64_t>(value) << 1);
  }
  return greatest < 0xffe0000000000000;
}

bool is_finite(const Tensor& array) {
  return array.dtype() == Dtype::F32 ? all_finite(array.values<float>())
                                     : all_finite(array.values<double>());
}

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

std::string place_text(const Place& place) {
  if (place.batches == 0) return "arrays at hand";
  return fmt::format("epoch {}, batch {} of {}", place.epoch, place.index + 1, place.batches);
}

void Totals::add(const StepResult& step) {
  ++batches;
  samples += step.samples;
  loss_sum += step.loss * double(step.samples);
  for (std::size_t i = 0; i < kMostMetrics; ++i) metrics[i] += step.metrics[i];
  f_evals += step.f_evals;
  accepted += step.accepted;
  rejected += step.rejected;
  seconds += step.seconds;
  if (step.gradient_error) gradient_error = step.gradient_error;
}

Trainer::Impl::Impl(Layer model, Loss loss, Optimiser rule, TrainerOptions given)
    : recipe{std::move(model), std::move(loss), std::move(rule),      given.input,
             given.metrics,    given.frozen,    given.accumulate > 1, given.dtype},
      options(std::move(given)),
      lr(recipe.optimiser.lr()) {
  check_recipe(recipe, options);
  if (options.dtype == Dtype::F32) {
    put_setup<float>(*this);
  } else {
    put_setup<double>(*this);
  }
  set_scalar("lr", lr);
  rate = arrays.find("lr");
  const Type learns = nn::learning(recipe.model.params(recipe.dtype), recipe.frozen);
  learning = tracing::leaf_names(learns);
  for (const std::string& name : learning) learnt_arrays.push_back(arrays.find(name));
  optimiser = put_zeros(arrays, recipe.optimiser.state(learns), "optimiser");
  if (recipe.accumulates) {
    accumulated = put_zeros(arrays, learns, "accumulated");
    accumulated.push_back("accumulated_samples");
    set_scalar("accumulated_samples", 0);
  }
  for (const std::string& name : lasting()) {
    types[name] = {arrays.type(name).dtype(), arrays.type(name).dims()};
  }
  for (const nodec::Setting::Named& setting : recipe.model.settings()) declare_setting(setting);
}

void Trainer::Impl::set_scalar(const std::string& name, double value) {
  if (recipe.dtype == Dtype::F32) {
    arrays.set(name, float(value));
  } else {
    arrays.set(name, value);
  }
}

void Trainer::Impl::write_rate(double value) {
  const Tensor& now = rate->read();
  // An array of another type is the call's to refuse.
  if (now.is_empty() || now.dtype() != recipe.dtype || now.count() != 1) return;
  if (now.dtype() == Dtype::F32) {
    if (now.values<float>()[0] != float(value)) rate->write().values<float>()[0] = float(value);
  } else if (now.values<double>()[0] != value) {
    rate->write().values<double>()[0] = value;
  }
}

Trainer::Impl::Programs& Trainer::Impl::programs(const std::shared_ptr<const Tables>& tables) {
  if (tables == last_tables) return *last_programs;
  const TableTypes types(*tables);
  auto found = std::ranges::find_if(
      all_programs, [&](const auto& known) { return known->types.str() == types.str(); });
  if (found == all_programs.end()) {
    all_programs.push_back(std::make_unique<Programs>(Programs{types, {}, {}, {}, {}}));
    found = all_programs.end() - 1;
  }
  last_tables = tables;
  last_programs = found->get();
  return *last_programs;
}

TrainedProgram& Trainer::Impl::compiled(std::unique_ptr<TrainedProgram>& slot,
                                        const TrainingProgram& traced, Program program) {
  make_settings(traced.settings);
  advise_of(traced.uncounted);
  slot =
      std::make_unique<TrainedProgram>(traced, std::move(program), arrays, tables, recipe.metrics);
  return *slot;
}

void Trainer::Impl::advise_of(const std::vector<Collect::Uncounted>& solves) {
  for (const auto& [path, why, where] : solves) {
    if (!told_uncounted.insert(path + " " + where.str()).second) continue;
    advised.push_back(fmt::format("note: the steps of the solve '{}' ({}) are not counted: {}",
                                  path, where.str(), why));
  }
}

TrainedProgram& Trainer::Impl::step_program(Programs& programs, const Batch& batch) {
  const bool tells = options.gradient_error && batch.place.index == 0;
  std::unique_ptr<TrainedProgram>& slot = tells ? programs.telling_step : programs.step;
  if (slot != nullptr) return *slot;
  const auto began = std::chrono::steady_clock::now();
  const TrainingProgram traced = trace_step(recipe, programs.types, tells);
  TrainedProgram& program = compiled(slot, traced, compile(traced.traced, compile_options()));
  compile_ms +=
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  return program;
}

void Trainer::Impl::compile_side_by_side(Programs& programs) {
  const auto began = std::chrono::steady_clock::now();
  struct Made {
    TrainingProgram traced;
    Program program;
  };
  // Where there is no thread to be had, in this one.
  const auto beside = [this](auto trace) {
    return std::async(std::launch::async | std::launch::deferred, [this, trace] {
      TrainingProgram traced = trace();
      Program program = compile(traced.traced, compile_options());
      return Made{std::move(traced), std::move(program)};
    });
  };
  const auto step = [&] { return trace_step(recipe, programs.types, false); };
  const auto telling = [&] { return trace_step(recipe, programs.types, true); };
  const auto evaluation = [&] { return trace_evaluation(recipe, programs.types); };
  std::future<Made> evaluated, told;
  if (programs.evaluation == nullptr) evaluated = beside(evaluation);
  if (options.gradient_error && programs.telling_step == nullptr) told = beside(telling);
  if (programs.step == nullptr) {
    TrainingProgram traced = step();
    Program program = compile(traced.traced, compile_options());
    compiled(programs.step, traced, std::move(program));
  }
  const auto take = [&](std::future<Made>& made, std::unique_ptr<TrainedProgram>& slot) {
    if (!made.valid()) return;
    Made got = made.get();
    compiled(slot, got.traced, std::move(got.program));
  };
  take(evaluated, programs.evaluation);
  take(told, programs.telling_step);
  compile_ms +=
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
}

CompileOptions Trainer::Impl::compile_options() const {
  CompileOptions made;
  made.device = options.device;
  return made;
}

CallOptions Trainer::Impl::call_options(std::int64_t samples) {
  if (samples > most_samples) {
    most_samples = samples;
    most_threads = options.threads > 0 ? options.threads : default_threads(samples);
  }
  CallOptions call;
  call.threads = most_threads;
  call.tape_limit_bytes = options.tape_limit;
  return call;
}

void Trainer::Impl::check_finite(const StepResult& result, const Batch& batch, bool on_device,
                                 bool learnt) const {
  const Place& place = batch.place;
  std::string what;
  if (!std::isfinite(result.loss)) what = "the loss became " + number_text(result.loss);
  const bool looks = !on_device || place.is_last() || place.batches == 0;
  for (std::size_t i = 0; looks && what.empty() && i < learning.size(); ++i) {
    if (is_finite(learnt_arrays[i].read())) continue;
    what = fmt::format("the update of '{}' was not finite, after a loss of {}", learning[i],
                       number_text(result.loss));
  }
  if (what.empty()) return;
  if (const std::string odd = odd_number(batch); !odd.empty()) {
    throw Error(fmt::format("training stopped in {}: {}; {}", place_text(place), what, odd), {},
                "mend the table, or leave the row out");
  }
  throw Error(fmt::format("training stopped in {}: {}; {} before it was finite", place_text(place),
                          what, on_device ? "every loss" : "all"),
              {},
              learnt || std::isfinite(result.loss)
                  ? "lower the learning rate"
                  : "no update led to it: look in the model for a log, a root or a division");
}

void Trainer::Impl::count(const StepResult& result, const Batch& batch) {
  if (batch.place.batches == 0) return;  // of no epoch
  running.epoch = epoch + 1;
  running.add(result);
  for (std::vector<double>* all : {&step_seconds, &threads_ran}) {
    if (all->empty()) all->reserve(std::size_t(batch.place.batches));
  }
  step_seconds.push_back(result.seconds);
  threads_ran.push_back(double(result.threads_ran));
  next = batch.place;
  ++next.index;
  stepped = batch.tables;
  if (!batch.place.is_last()) return;
  ++epoch;
  running.step_seconds = median_of(step_seconds);
  running.threads_ran = median_of(threads_ran);
  step_seconds.clear();
  threads_ran.clear();
  history.push_back(std::exchange(running, {}));
  running.epoch = epoch + 1;
}

std::vector<std::string> Trainer::Impl::lasting() const {
  std::vector<std::string> names = params;
  for (const auto* more : {&state, &optimiser, &accumulated}) {
    names.insert(names.end(), more->begin(), more->end());
  }
  return names;
}

}  // namespace nodec::nn
