// Calls of a compiled program, and reading its results.
#include "compiler/train/trained_program.h"

#include <algorithm>

namespace nodec::nn {
namespace {

bool has_port(const std::vector<Port>& ports, std::string_view name) {
  return std::ranges::find(ports, name, &Port::name) != ports.end();
}

// The ports whose arrays change from call to call.
std::vector<std::string> open_ports(const Signature& signature) {
  std::vector<std::string> open{"x", "rows"};
  if (has_port(signature.inputs, "y")) open.push_back("y");
  if (has_port(signature.outputs, "output")) open.push_back("output");
  return open;
}

double scalar_of(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case Dtype::F32:
      return double(tensor.values<float>()[0]);
    case Dtype::F64:
      return tensor.values<double>()[0];
    case Dtype::I64:
      return double(tensor.values<std::int64_t>()[0]);
    default:
      return double(tensor.values<std::int32_t>()[0]);
  }
}

std::int64_t count_in(const Tensor& tensor) { return tensor.values<std::int32_t>()[0]; }

// Compiled code would take the nearest there is.
void check_rows(const Batch& batch) {
  if (batch.rows.empty()) return;
  const auto [least, greatest] = std::ranges::minmax(batch.rows);
  const std::int64_t samples = batch.tables->x.samples();
  if (least >= 0 && greatest < samples) return;
  throw Error(fmt::format("a batch has the row {}, of tables of {} samples",
                          least < 0 ? least : greatest, samples),
              {}, fmt::format("give rows from 0 to {}", samples - 1));
}

}  // namespace

TrainedProgram::TrainedProgram(const TrainingProgram& traced, Program program, NamedArrays& arrays,
                               DeviceTables& tables, const std::vector<Metric>& metrics)
    : from_cache_(program.report.from_cache),
      solves_(traced.solves),
      uncounted_(std::int64_t(traced.uncounted.size())),
      numbers_(traced.numbers),
      bound_(program.executable, arrays, {}, open_ports(program.executable->signature())),
      tables_(tables),
      has_y_(has_port(bound_.signature().inputs, "y")) {
  const auto& outputs = bound_.signature().outputs;
  if (has_port(outputs, "loss")) loss_ = &arrays["loss"];
  if (has_port(outputs, "gradient_error")) error_ = &arrays["gradient_error"];
  if (loss_ == nullptr) return;
  for (const Metric& metric : metrics) {
    metrics_.emplace_back(&arrays[metric.name() + ".sum"], &arrays[metric.name() + ".count"]);
  }
  for (const std::string& path : solves_) {
    const auto count = [&](const char* what) { return &arrays["solves." + path + what]; };
    counts_.push_back({count(".f_evals"), count(".accepted"), count(".rejected")});
  }
}

// On the host, once for tables, for the same reason as rows.
void TrainedProgram::check_numbers(const Tables& tables) const {
  for (const auto& [input, below, of, where] : numbers_) {
    const auto [least, most] = (input == "x" ? tables.x : tables.y).range();
    if (least >= 0 && most < below) continue;
    throw Error(fmt::format("{} takes integers from 0 to {}, got {} to {} in the table {}", of,
                            below - 1, least, most, input),
                {{where, ""}}, "count from 0, and no further");
  }
}

void TrainedProgram::give(const Batch& batch) {
  check_rows(batch);
  const auto is_these = [&](const auto& known) { return known.lock() == batch.tables; };
  if (!numbers_.empty() && std::ranges::none_of(checked_, is_these)) {
    check_numbers(*batch.tables);
    std::erase_if(checked_, [](const auto& known) { return known.expired(); });
    checked_.push_back(batch.tables);
  }
  samples_ = batch.samples();
  if (rows_.count() < samples_) rows_ = Tensor(Dtype::I32, {samples_});
  std::ranges::copy(batch.rows, rows_.values<std::int32_t>().begin());
  rows_dims_[0] = samples_;
  const DeviceTables::Views tables = tables_.views(batch.tables, executable().device());
  bound_.give("x", tables.x);
  if (has_y_) bound_.give("y", tables.y);
  bound_.give("rows", {Dtype::I32, rows_dims_, rows_.data()});
}

Outcome TrainedProgram::call(const Batch& batch, const CallOptions& options) {
  give(batch);
  const Outcome outcome = bound_.call(options);
  threads_ran_ = outcome.threads_ran;
  require_success(outcome, bound_.signature(), "TrainerOptions::tape_limit");
  return outcome;
}

Tensor TrainedProgram::predict(const Batch& batch, const CallOptions& options) {
  const auto& outputs = bound_.signature().outputs;
  const auto port = std::ranges::find(outputs, "output", &Port::name);
  std::vector<std::int64_t> dims;
  for (const Dim& dim : port->type.shape()) dims.push_back(dim.evaluate({{"B", batch.samples()}}));
  Tensor output(port->type.dtype(), std::move(dims));
  bound_.give("output", output);
  call(batch, options);
  return output;
}

StepResult TrainedProgram::told() const {
  StepResult result;
  result.loss = scalar_of(*loss_);
  result.samples = samples_;
  result.threads_ran = threads_ran_;
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    result.metrics[i] = {scalar_of(*metrics_[i].first), scalar_of(*metrics_[i].second)};
  }
  result.uncounted = uncounted_;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const SolveCount count = solve(i);
    result.f_evals += count.f_evals;
    result.accepted += count.accepted;
    result.rejected += count.rejected;
  }
  if (error_ != nullptr) result.gradient_error = scalar_of(*error_);
  return result;
}

SolveCount TrainedProgram::solve(std::size_t i) const {
  const Counted& count = counts_[i];
  return {count_in(*count.f_evals), count_in(*count.accepted), count_in(*count.rejected)};
}

}  // namespace nodec::nn
