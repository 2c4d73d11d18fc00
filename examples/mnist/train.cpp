// Training: per epoch a shuffle, one call of the compiled step for each batch, then the accuracies
// of both splits by calls of the compiled evaluation. The programs are compiled side by side.
#include "examples/mnist/train.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <future>

#include "examples/mnist/model.h"
#include "examples/mnist/program.h"

namespace nodec::mnist {
namespace {

constexpr const char* kBatchPort = "order";

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

ProgramOptions program_options(const Options& o) {
  ProgramOptions program;
  program.model = o.model;
  program.width = o.width;
  program.solver = o.solver;
  program.controller = o.controller;
  program.adjoint = o.adjoint;
  program.adjoint_tolerance = o.adjoint_tolerance;
  return program;
}

// What stops a program is told with where that was.
auto telling(const auto& work, const std::string& where) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error(fmt::format("training stopped in {}: {}", where, error.message()), error.notes(),
                error.help());
  }
}

template <typename T>
T median(std::vector<T>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

Entry::Entry(Program program, NamedArrays& arrays, const CallOptions& options)
    : from_cache_(program.report.from_cache),
      bound_(program.executable, arrays, {}, {kBatchPort}),
      call_(options) {}

Outcome Entry::call(std::span<const std::int32_t> batch) {
  const auto size = static_cast<std::int64_t>(batch.size());
  if (batch_.is_empty() || batch_.count() < size) batch_ = Tensor(Dtype::I32, {size});
  std::ranges::copy(batch, batch_.values<std::int32_t>().begin());
  batch_dims_[0] = size;
  bound_.give(kBatchPort, {Dtype::I32, batch_dims_, batch_.data()});
  const Outcome outcome = bound_.call(call_);
  require_success(outcome, bound_.signature());
  return outcome;
}

Training::Training(const Options& options, Dataset& dataset, std::vector<Parameter> parameters)
    : options_(options),
      split_(split(dataset.digits.count())),
      train_(0, split_.train, options.batch),
      train_in_order_(train_),
      test_(split_.train, split_.test, options.batch) {
  const std::int64_t count = dataset.digits.count();
  const std::int64_t largest = std::min(options.batch, split_.train);
  start_.threads = options.threads > 0 ? options.threads : default_threads(largest);
  arrays_.set("images", Tensor::borrow(Dtype::U8, {count, kPixels}, dataset.digits.pixels.data()));
  arrays_.set("labels", Tensor::borrow(Dtype::U8, {count}, dataset.digits.labels.data()));
  set_scalars();
  set_parameters(std::move(parameters));

  compile_programs();
  const char* cpu = std::getenv("NODEC_CPU");
  start_.cpu = cpu != nullptr && *cpu != '\0' ? cpu : "native";
  start_.lanes = step_->executable().signature().lanes;
}

void Training::compile_programs() {
  const auto began = Clock::now();
  const ProgramOptions program = program_options(options_);
  ProgramOptions telling = program;
  telling.gradient_error = true;
  const auto beside = [](auto trace, const ProgramOptions& o) {
    // Where there is no thread to be had, in this one.
    return std::async(std::launch::async | std::launch::deferred,
                      [&o, trace] { return compile(trace(o)); });
  };
  std::future<Program> evaluation = beside(trace_evaluation, program), told;
  if (options_.gradient_error) told = beside(trace_training, telling);
  CallOptions call;
  call.threads = start_.threads;
  call.tape_limit_bytes = options_.tape_limit;
  step_ = std::make_unique<Entry>(compile(trace_training(program)), arrays_, call);
  evaluation_ = std::make_unique<Entry>(evaluation.get(), arrays_, call);
  if (told.valid()) telling_step_ = std::make_unique<Entry>(told.get(), arrays_, call);
  start_.compile_ms = 1e3 * seconds_since(began);
  start_.from_cache = step_->from_cache() && evaluation_->from_cache() &&
                      (telling_step_ == nullptr || telling_step_->from_cache());
}

void Training::set_scalars() {
  const auto set = [&](const char* name, double value) {
    arrays_.set(name, static_cast<float>(value));
  };
  set("lr", options_.lr);
  set("t0", 0);
  set("t1", 1);
  set("rtol", options_.rtol);
  set("atol", options_.atol);
  set("dt", options_.dt);
  arrays_.set("max_steps", static_cast<std::int32_t>(options_.max_steps));
}

void Training::set_parameters(std::vector<Parameter> parameters) {
  for (Parameter& parameter : parameters) {
    parameter_names_.push_back(parameter.name);
    start_.parameters += parameter.values.count();
    arrays_.set(parameter.name, std::move(parameter.values));
  }
}

// The parameters were finite before this batch, and so was the solve, or the program had stopped.
void Training::check_finite(const std::string& where) const {
  const float loss = arrays_["loss"].values<float>()[0];
  std::string what = std::isfinite(loss) ? "" : fmt::format("the loss became {}", loss);
  for (std::size_t i = 0; what.empty() && i < parameter_names_.size(); ++i) {
    const std::string& name = parameter_names_[i];
    if (all_finite(arrays_[name].values<float>())) continue;
    what = fmt::format("the update of '{}' was not finite, after a loss of {}", name, loss);
  }
  if (what.empty()) return;
  throw Error(fmt::format("training stopped in {}: {}; all before it was finite", where, what), {},
              "lower the learning rate (--lr)");
}

Epoch Training::run_epoch(std::int64_t epoch, Progress& progress) {
  const auto scalar = [&](const char* name) {
    return static_cast<double>(arrays_[name].values<std::int32_t>()[0]);
  };
  Epoch result{.epoch = epoch, .epochs = options_.epochs};
  const std::string title = fmt::format("[{}/{}]", epoch, options_.epochs);
  train_.shuffle(options_.seed, static_cast<std::uint64_t>(epoch));
  std::vector<double> times;
  std::vector<std::int64_t> teams;
  const auto began = Clock::now();
  const std::int64_t batches = train_.batches();
  for (std::int64_t i = 0; i < batches; ++i) {
    const std::span<const std::int32_t> batch = train_.batch(i);
    Entry& step = i == 0 && telling_step_ != nullptr ? *telling_step_ : *step_;
    const std::string where = fmt::format("epoch {}, batch {} of {}", epoch, i + 1, batches);
    const auto step_began = Clock::now();
    const Outcome outcome = telling([&] { return step.call(batch); }, where);
    times.push_back(1e6 * seconds_since(step_began));
    teams.push_back(outcome.threads_ran);
    check_finite(where);
    result.loss += arrays_["loss"].values<float>()[0] * static_cast<double>(batch.size());
    result.f_evals += scalar("f_evals");
    result.accepted += scalar("accepted");
    result.rejected += scalar("rejected");
    for (std::string& line : advice_.hear(outcome)) notes_.push_back(std::move(line));
    progress.show(title, i + 1, batches);
  }
  result.time_s = seconds_since(began);
  result.loss /= static_cast<double>(split_.train);
  for (double* mean : {&result.f_evals, &result.accepted, &result.rejected}) {
    *mean /= static_cast<double>(batches);
  }
  result.step_us_median = median(times);
  result.threads_ran = median(teams);
  const std::string after = fmt::format("the evaluation after epoch {}", epoch);
  result.train_accuracy = telling([&] { return accuracy(train_in_order_); }, after);
  result.test_accuracy = telling([&] { return accuracy(test_); }, after);
  result.compiles = compile_count();
  for (const Entry* entry : {step_.get(), evaluation_.get(), telling_step_.get()}) {
    if (entry != nullptr) result.tape_growths += entry->executable().tape_growths();
  }
  if (telling_step_ != nullptr) {
    result.gradient_error = arrays_["gradient_error"].values<float>()[0];
  }
  return result;
}

double Training::accuracy(const Loader& loader) {
  std::int64_t right = 0, all = 0;
  for (std::int64_t i = 0; i < loader.batches(); ++i) {
    const std::span<const std::int32_t> batch = loader.batch(i);
    evaluation_->call(batch);
    right += arrays_["correct"].values<std::int32_t>()[0];
    all += static_cast<std::int64_t>(batch.size());
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(all);
}

std::vector<NamedArray> Training::parameters() const {
  std::vector<NamedArray> named;
  for (const std::string& name : parameter_names_) {
    const Tensor& array = arrays_[name];
    named.push_back({name, array.dims(), array.values<float>()});
  }
  return named;
}

}  // namespace nodec::mnist
