// From C++ to a Graph: a Trace is open while the program is written, its inputs are Vars, and
// finish() gives the graph. trace(...) does the same for a callable.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/trace/frame.h"
#include "compiler/trace/traced.h"
#include "compiler/trace/tree.h"
#include "compiler/trace/types.h"
#include "ir/graph.h"

namespace nodec {

class Trace {
 public:
  // `batch` is the symbol of the samples' axis; empty: there is none.
  explicit Trace(std::string name, std::string batch = {}, Here where = Here::current());

  // A tensor, or a record: one input for each of its leaves, called name.leaf, or just leaf when
  // the name is empty ("layer_1.weight").
  Var input(std::string name, const Type& type, Here where = Here::current());
  // A result of the program; a record gives one for each leaf.
  void output(const std::string& name, const Var& value, Here where = Here::current());
  // New content for the input of this name, written over it in place.
  void update(const std::string& name, const Var& value, Here where = Here::current());
  // Throws Untraceable when values were used outside of the body they were made in.
  Traced finish(Here where = Here::current());

 private:
  void require_outermost(std::string_view what, std::string_view help,
                         const SourceLine& where) const;
  void add_output(const std::string& name, Value* value, int alias, const SourceLine& where);
  void check_sizes(const std::string& name, const Type& type, const SourceLine& where) const;
  void check_name(const std::string& name, const SourceLine& where) const;

  std::shared_ptr<Graph> graph_;
  tracing::Opened frame_;
};

struct Input {
  std::string name;
  Type type;
};
// A program's results by name; what a traced function returns.
using Outputs = std::vector<std::pair<std::string, Var>>;

namespace tracing {

inline Outputs named_outputs(Outputs outputs) { return outputs; }
template <Tree T>
Outputs named_outputs(const T& result) {
  Outputs outputs;
  if constexpr (std::derived_from<T, Var>) {
    outputs.emplace_back("result", result);
  } else {
    each_var(result, [&](const Var& var) {
      outputs.emplace_back(fmt::format("result_{}", outputs.size() + 1), var);
    });
  }
  return outputs;
}
// A struct of results, which names its parts in order (a Solution, what hvp returns).
template <class T>
requires requires(const T& result) { result.parts(); }
Outputs named_outputs(const T& result) { return named_outputs(result.parts()); }

// The number of parameters that F declares; where that is not one number (a generic lambda,
// overloads), the most that are tried.
constexpr std::size_t kMostTried = 32;
template <class Result, class... Parameter>
consteval std::size_t counted(std::type_identity<std::function<Result(Parameter...)>>) {
  return sizeof...(Parameter);
}
template <class F>
consteval std::size_t most_parameters() {
  if constexpr (requires(F & f) { std::function(f); }) {
    return counted(std::type_identity<decltype(std::function(std::declval<F&>()))>());
  } else {
    return kMostTried;
  }
}

template <std::size_t, class T>
using Repeated = T;

[[noreturn]] void refuse_inputs(std::size_t inputs);

// Calls f with as many variables as there are inputs; n, n + 1, ... of them are tried.
template <std::size_t n, class F>
Outputs call_with_each(F& f, std::vector<Var>& x) {
  if constexpr (n > most_parameters<F>()) {
    refuse_inputs(x.size());
  } else {
    const auto takes = []<std::size_t... I>(std::index_sequence<I...>) {
      return std::invocable<F&, Repeated<I, const Var&>...>;
    };
    const auto run = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return named_outputs(f(std::as_const(x[I])...));
    };
    constexpr auto indices = std::make_index_sequence<n>();
    if constexpr (takes(indices)) {
      if (x.size() == n) return run(indices);
    }
    return call_with_each<n + 1>(f, x);
  }
}

// A generic lambda would take the vector as well, but means a variable.
template <class F>
concept TakesVector = !std::invocable<F&, const Var&> && std::invocable<F&, std::vector<Var>&>;

template <class F>
Outputs call_traced(F& f, std::vector<Var>& x) {
  if constexpr (TakesVector<F>) {
    return named_outputs(f(x));
  } else {
    return call_with_each<0>(f, x);
  }
}

}  // namespace tracing

// Traces f, which takes one Var for each input (or a std::vector<Var>&) and returns a Var, tuples
// and vectors of them (what value_and_grad returns is one), a struct of results, or Outputs.
template <class F>
Traced trace(std::string name, const std::vector<Input>& inputs, F&& f, std::string batch = {},
             Here where = Here::current()) {
  Trace open(std::move(name), std::move(batch), where);
  std::vector<Var> variables;
  for (const Input& input : inputs) {
    variables.push_back(open.input(input.name, input.type, where));
  }
  for (const auto& [output, var] : tracing::call_traced(f, variables)) {
    open.output(output, var, where);
  }
  return open.finish();
}

}  // namespace nodec
