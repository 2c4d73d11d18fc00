// Training a model: parameters, layer state and optimiser state by name, and the programs that work
// on them, compiled on first use for every batch size.
//
//   nn::Trainer trainer(model, nn::CrossEntropy(), nn::Adam({.lr = 1e-3}), {.seed = 1});
//   while (trainer.epoch() < 9) {
//     for (const nn::Batch& batch : train) trainer.step(batch);
//     fmt::print("{}\n", trainer.evaluate(test));
//   }
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/nn/setup.h"
#include "compiler/train/loader.h"
#include "compiler/train/programs.h"
#include "compiler/train/schedule.h"
#include "compiler/train/trained_program.h"
#include "ir/held.h"
#include "runtime/advice.h"

namespace nodec::nn {

struct TrainerOptions {
  std::uint64_t seed = 0;  // of the first parameters and state
  Init init = Init::Glorot;
  Dtype dtype = Dtype::F32;
  // What becomes of a batch of x, whose last axis counts the samples, before the model; without it
  // floats are cast to `dtype`.
  Prepare input = {};
  std::vector<Metric> metrics = {};
  std::vector<std::string> frozen = {};  // names (nn/names.h) of parameters that stay
  std::int64_t accumulate = 1;           // batches to an update: the gradient of their common mean
  Schedule schedule = {};                // of the learning rate, by updates
  bool gradient_error = false;           // told by the first batch of each epoch
  int threads = 0;                       // at most; 0: as many as help at a batch's size
  std::string device = {};               // in the words of CompileOptions
  std::int64_t tape_limit = 0;           // bytes; 0: half of the machine's memory
};

// What the batches of an epoch told, summed: its own, or of the one that is running.
struct Totals {
  std::int64_t epoch = 1, batches = 0, samples = 0;
  double loss_sum = 0;  // over samples
  std::array<Ratio, kMostMetrics> metrics{};
  std::int64_t f_evals = 0, accepted = 0, rejected = 0;
  std::optional<double> gradient_error = std::nullopt;
  double seconds = 0;                        // of the steps
  double step_seconds = 0, threads_ran = 0;  // medians over the steps, once the epoch has ended
  std::map<std::string, double> notes = {};  // what the program adds: "test_accuracy"

  double loss() const { return loss_sum / double(samples); }
  void add(const StepResult& step);
};

// What a pass over a loader in use, not in training, came to. fmt prints "loss 0.3121  accuracy
// 91.25%".
struct Evaluation : Totals {
  std::vector<Metric> measures;
  double operator[](std::string_view metric) const;  // its value; Error where there is none
};

struct LoadOptions {
  bool allow_missing = false;  // parameters that the file lacks stay, what it has beside is ignored
  bool settings = false;       // those that the file was saved with, too
  bool same_model = false;     // a checkpoint's is this one; else an Error
};

class Trainer {
 public:
  Trainer(Layer model, Loss loss, Optimiser optimiser, TrainerOptions options = {});
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  // One batch: the gradient, the update. Error, naming the batch, where the program stops in it or
  // leaves a loss or a parameter that is not finite. Arrays at hand (Batch::of) are no part of an
  // epoch: the result alone tells of them. Allocates nothing once sizes were seen.
  StepResult step(const Batch& batch);
  Evaluation evaluate(const Loader& loader);
  // The model's outputs, samples first.
  Tensor predict(Table x);
  // Compiles what step and evaluate need for these tables now, side by side.
  void prepare(const Loader& loader);

  // Epochs that were stepped to their end; updates so far.
  std::int64_t epoch() const;
  std::int64_t updates() const;
  const Totals& running() const;                     // the epoch that is not at its end
  std::vector<Totals>& history();                    // those that are
  void note(const std::string& what, double value);  // with the last one of these

  // "lr", or a setting by name of the model: "layer_3.rtol", or "rtol" for every one of that name;
  // never settings of different names. A layer lists its own; those of functions are known after
  // prepare, or a first step. Compiles nothing.
  void set(std::string_view name, double value);
  double get(std::string_view name) const;
  std::vector<std::string> settings() const;

  // All arrays: parameters ("layer_2.weight"), "state.", "optimiser.", results of the last call.
  NamedArrays& arrays();
  class Parameters {
   public:
    Tensor& operator[](std::string_view name) const;
    const std::vector<std::string>& names() const { return names_; }
    std::int64_t count() const;  // of their elements

   private:
    friend class Trainer;
    Parameters(NamedArrays& arrays, const std::vector<std::string>& names)
        : arrays_(arrays), names_(names) {}
    NamedArrays& arrays_;
    const std::vector<std::string>& names_;
  };
  Parameters params();

  // Parameters, and the layers' state if there is any, as a safetensors file, the settings in its
  // metadata; and from one, by name: every difference in one Error. Returns the names that were not
  // found, where that is allowed.
  void save_parameters(const std::filesystem::path& file) const;
  std::vector<std::string> load(const std::filesystem::path& file, const LoadOptions& options = {});

  // All that training goes on from, in one file that appears whole or not at all:
  // what follows has the bits of a run that was never stopped. Error where an array is not finite.
  void save(const std::filesystem::path& file) const;
  // Goes on from such a file, the loader with it; false, and nothing happens, where there is none.
  // The rate and the settings are the file's, whatever the trainer was made with: set() moves them.
  // One Error names all in which the file is of another training.
  bool resume(const std::filesystem::path& file, Loader& loader);

  std::vector<std::string> take_advice();  // lines about solves and a resume, each once
  struct Compiled {
    double milliseconds = 0;
    bool from_cache = false;
    std::string device = "cpu", cpu = "native";   // the instructions compiled for
    int lanes = 0;                                // f32 lanes of a vector
    int threads = 1;                              // at most
    std::int64_t parameters = 0;                  // the model's
    std::int64_t tape_growths = 0, launches = 0;  // since the start
    Copies copies = {};                           // of arrays to a device and back, since the start
    std::optional<LaunchForm> launch = {};        // of a step on a GPU, at the largest batch so far
    std::string why = {};                         // device `auto` came to the processor
  };
  Compiled compiled() const;  // the programs so far
  const Layer& model() const;
  const TrainerOptions& options() const;

  struct Impl;  // trainer_state.h

 private:
  Owned<Impl> impl_;
};

}  // namespace nodec::nn

template <>
struct fmt::formatter<nodec::nn::Evaluation> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const nodec::nn::Evaluation& e, Context& context) const {
    std::string text = fmt::format("loss {:.4f}", e.loss());
    for (std::size_t i = 0; i < e.measures.size(); ++i) {
      const double value = e.metrics[i].value();
      text += e.measures[i].is_percent()
                  ? fmt::format("  {} {:.2f}%", e.measures[i].name(), 100 * value)
                  : fmt::format("  {} {:.4g}", e.measures[i].name(), value);
    }
    return fmt::formatter<std::string>::format(text, context);
  }
};
