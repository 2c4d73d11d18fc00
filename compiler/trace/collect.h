// What a training program gathers from a model whose inside it does not know, while this is traced:
// settings by name become inputs of the program, the counts of solves variables of it, and it
// learns which of its inputs are numbers of classes or rows.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/trace/solve.h"

namespace nodec {

namespace tracing {
struct TraceRecord;

// Tells a Collect, where one lives, that integers are in [0, below), if they are an input's as they
// are, or reshaped. Compiled code clamps those that are not.
void count_below(const Var& integers, std::int64_t below, const std::string& of,
                 const SourceLine& where);
}  // namespace tracing

// Lives while a program is traced. A setting by name (Setting::named) is then the input
// "settings.<layer's path>.<name>"; without a Collect it is the number it was given.
class Collect {
 public:
  explicit Collect(Here where = Here::current());
  ~Collect();
  Collect(const Collect&) = delete;
  Collect& operator=(const Collect&) = delete;

  struct Input {
    std::string name;  // "layer_3.rtol"
    double value = 0;  // what it was given
    Dtype dtype = Dtype::F32;
  };
  // Those that were used so far, each once, in the order of first use.
  const std::vector<Input>& settings() const { return settings_; }

  struct Solve {
    std::string path;  // "layer_3"; a second one there is "layer_3_2"
    Var f_evals, accepted, rejected;
  };
  // The solves so far, but those inside of other solves, of loops, branches and calls, which may
  // run any number of times.
  const std::deque<Solve>& solves() const { return solves_; }

  // Integers of an input that count something: labels of classes, rows of an embedding.
  struct Numbers {
    std::string input;
    std::int64_t below = 0;  // how many of these there are
    std::string of;          // "Embedding(10 => 4)"
    SourceLine where;
  };
  const std::vector<Numbers>& numbers() const { return numbers_; }
  // Says that the elements of `var` are those of an input.
  void source(const Var& var, std::string input);

 private:
  friend class Setting;
  friend void tracing::count_below(const Var&, std::int64_t, const std::string&, const SourceLine&);
  friend tracing::Solved tracing::run_solve(const tracing::Contents&, const Setting&,
                                            const Setting&, const SolveOptions&,
                                            const tracing::TracedDynamics&, const SourceLine&);
  tracing::Content input(const std::string& name, double value, Dtype dtype, const SourceLine& at);
  void solved(const std::vector<Value*>& rest, const SourceLine& at);

  std::shared_ptr<tracing::TraceRecord> record_;
  Collect* before_ = nullptr;
  std::vector<Input> settings_;
  std::map<std::string, Var> inputs_;
  std::deque<Solve> solves_;
  std::vector<Numbers> numbers_;
  std::map<const Value*, std::string> sources_;
};

// What the inputs of settings are called.
inline constexpr std::string_view kSettingPrefix = "settings.";

}  // namespace nodec
