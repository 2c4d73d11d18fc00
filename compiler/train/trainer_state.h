// What a Trainer holds: arrays, settings, programs for the tables it met, and where it stands.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "compiler/train/trainer.h"
#include "runtime/safetensors.h"

namespace nodec::nn {

struct ArrayType {
  Dtype dtype;
  std::vector<std::int64_t> dims;

  bool is_of(const Tensor& array) const {
    return !array.view().lacks_bytes() && array.dtype() == dtype && array.dims() == dims;
  }
  std::string str() const { return TensorView{dtype, dims}.type(); }
};

struct Trainer::Impl {
  static constexpr std::string_view kObject = "trainer";
  // The programs for tables of some types, each compiled when it is first asked for.
  struct Programs {
    TableTypes types;
    std::unique_ptr<TrainedProgram> step, telling_step, evaluation, prediction;
  };
  using Setting = nodec::Setting::Named;  // "layer_3.rtol"

  Impl(Layer model, Loss loss, Optimiser optimiser, TrainerOptions options);

  Programs& programs(const std::shared_ptr<const Tables>& tables);
  TrainedProgram& step_program(Programs& programs, const Batch& batch);
  TrainedProgram& compiled(std::unique_ptr<TrainedProgram>& slot, const TrainingProgram& traced,
                           Program program);
  void advise_of(const std::vector<Collect::Uncounted>& solves);
  void compile_side_by_side(Programs& programs);
  // Settings (settings.cpp).
  void declare_setting(Setting setting);
  void make_settings(const std::vector<Collect::Input>& inputs);
  void write_setting(const Setting& setting);
  std::vector<std::size_t> settings_meant(std::string_view name) const;
  void check_setting(const Setting& setting, double value) const;
  void check_lr(double value) const;
  void check_settings(const std::map<std::string, double>& values) const;
  void take_settings(const std::map<std::string, double>& values);
  std::vector<double*> awaited_meant(std::string_view name);
  std::map<std::string, double> setting_values() const;
  void set_scalar(const std::string& name, double value);  // a new array of `dtype`
  void write_rate(double value);                           // where it is another
  CallOptions call_options(std::int64_t samples);
  CompileOptions compile_options() const;
  void count(const StepResult& result, const Batch& batch);
  // Error where a loss or parameter is not finite after a batch. Parameters on a device are looked
  // at when an epoch ends.
  void check_finite(const StepResult& result, const Batch& batch, bool on_device,
                    bool learnt) const;
  // As a file, but for values that are not finite: Error. (parameters_file.cpp)
  void write_arrays(const std::filesystem::path& file, const std::vector<std::string>& names,
                    const Metadata& metadata) const;
  // Every array that training goes on from, by name and in order.
  std::vector<std::string> lasting() const;

  Recipe recipe;
  TrainerOptions options;
  NamedArrays arrays;
  DeviceTables tables;
  std::vector<std::string> params, learning, state, optimiser, accumulated;  // arrays' names
  std::map<std::string, ArrayType> types;  // of the lasting ones, whatever a user put there
  std::vector<NamedArray> learnt_arrays;   // those of `learning`
  std::optional<NamedArray> rate;          // the array "lr"
  std::vector<Setting> settings;
  std::map<std::string, double> awaited;  // of a file, for settings that no program has shown yet
  bool traced = false;                    // a program: all its settings are known
  double lr = 0;

  std::vector<std::unique_ptr<Programs>> all_programs;
  std::shared_ptr<const Tables> last_tables;
  Programs* last_programs = nullptr;
  int most_threads = 1;
  std::int64_t most_samples = 0;
  double compile_ms = 0;

  std::int64_t epoch = 0, updates = 0, gathered = 0;
  Place next;                             // the batch after the last one
  std::shared_ptr<const Tables> stepped;  // what that one was of
  Totals running;
  std::vector<double> step_seconds, threads_ran;  // of the epoch's steps in this process
  std::vector<Totals> history;
  Advice advice;
  std::vector<std::string> advised;      // and not taken yet
  std::set<std::string> told_uncounted;  // solves, by path and line
};

// One Error for what a trainer cannot be made of (checks.cpp).
void check_recipe(const Recipe& recipe, const TrainerOptions& options);

// "row 7 of the table x, counted from 0, holds nan": the first number of the batch's that is not
// finite; or nothing.
std::string odd_number(const Batch& batch);

// Of a checkpoint's arrays: whether it is no parameter.
bool is_of_training(std::string_view name);

// "epoch 1, batch 3 of 11".
std::string place_text(const Place& place);

}  // namespace nodec::nn
