// What a training program gathers from a model whose inside it does not know, while this is traced:
// settings by name become inputs of the program, the counts of solves variables of it, and it
// learns which of its inputs are numbers of classes or rows.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/trace/control.h"
#include "compiler/trace/solve.h"

namespace nodec {

namespace tracing {
struct Frame;
struct TraceRecord;

// Tells a Collect, where one lives, that integers are in [0, below), if they are an input's as they
// are, or reshaped. Compiled code clamps those that are not.
void count_below(const Var& integers, std::int64_t below, const std::string& of,
                 const SourceLine& where);

// The type of `x` before floats were cast to floats of another dtype, as a training does with its
// tables: what a user gave.
Type given_type(const Var& x, const SourceLine& where);
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
  // The solves so far: what one run of the program makes of each, in a loop all of its turns
  // together, in a branch 0 where the other one is taken.
  const std::deque<Solve>& solves() const { return solves_; }
  // Those whose counts cannot leave the body they are in, with the reason.
  struct Uncounted {
    std::string path, why;
    SourceLine where;
  };
  const std::vector<Uncounted>& uncounted() const { return uncounted_; }

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
  friend tracing::Contents tracing::run_call(std::string_view, const tracing::Contents&,
                                             const tracing::Traced1&, const SourceLine&);
  tracing::Content input(const std::string& name, double value, Dtype dtype, const SourceLine& at);
  void solved(const std::string& path, const tracing::Contents& counts, const SourceLine& at);
  // Of the solves in a call's body, which is traced to its end: counts that it returns besides its
  // results; and these as they arrive around it.
  using Call = std::shared_ptr<tracing::Frame>;
  void append_counts(const Call& call, tracing::Contents& results);
  void counts_of(const Call& call, const tracing::Contents& counts, const SourceLine& at);
  std::string free_path(const std::string& path) const;

  std::shared_ptr<tracing::TraceRecord> record_;
  Collect* before_ = nullptr;
  std::vector<Input> settings_;
  std::map<std::string, Var> inputs_;
  std::deque<Solve> solves_;
  std::map<Call, std::deque<Solve>> in_calls_;  // that are being traced
  std::vector<Uncounted> uncounted_;
  std::vector<Numbers> numbers_;
  std::map<const Value*, std::string> sources_;
};

// What the inputs of settings are called.
inline constexpr std::string_view kSettingPrefix = "settings.";

}  // namespace nodec
