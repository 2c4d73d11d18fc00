// What a Trainer holds: arrays, settings, programs for the tables it met, and where it stands.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "compiler/train/trainer.h"

namespace nodec::nn {

struct Trainer::Impl {
  // The programs for tables of some types, each compiled when it is first asked for.
  struct Programs {
    TableTypes types;
    std::unique_ptr<TrainedProgram> step, telling_step, evaluation, prediction;
  };
  struct Setting {
    std::string name;  // "layer_3.rtol"
    double value = 0;
  };

  Impl(Layer model, Loss loss, Optimiser optimiser, TrainerOptions options);

  Programs& programs(const std::shared_ptr<const Tables>& tables);
  TrainedProgram& step_program(Programs& programs, const Batch& batch);
  TrainedProgram& compiled(std::unique_ptr<TrainedProgram>& slot, const TrainingProgram& traced,
                           Program program);
  void compile_side_by_side(Programs& programs);
  void make_settings(const std::vector<Collect::Input>& inputs);
  void write_setting(const Setting& setting);
  void set_scalar(const std::string& name, double value);    // a new array of `dtype`
  void write_scalar(const std::string& name, double value);  // its element, where it is another
  CallOptions call_options(std::int64_t samples);
  CompileOptions compile_options() const;
  void count(const StepResult& result, const Batch& batch);
  // Error where a loss or parameter is not finite after a batch. Parameters on a device are looked
  // at when an epoch ends.
  void check_finite(const StepResult& result, const Place& place, bool on_device) const;
  // Every array that training goes on from, by name and in order.
  std::vector<std::string> lasting() const;

  Recipe recipe;
  TrainerOptions options;
  NamedArrays arrays;
  DeviceTables tables;
  std::vector<std::string> params, learning, state, optimiser, accumulated;  // arrays' names
  std::vector<Setting> settings;
  double lr = 0;

  std::vector<std::unique_ptr<Programs>> all_programs;
  std::shared_ptr<const Tables> last_tables;
  Programs* last_programs = nullptr;
  int most_threads = 1;
  std::int64_t most_samples = 0;
  double compile_ms = 0;

  std::int64_t epoch = 0, updates = 0, gathered = 0;
  Place next;  // the batch after the last one
  Totals running;
  std::vector<double> step_seconds, threads_ran;  // of the epoch's steps in this process
  std::vector<Totals> history;
  Advice advice;
  std::vector<std::string> advised;
};

// "epoch 1, batch 3 of 11".
std::string place_text(const Place& place);

}  // namespace nodec::nn
