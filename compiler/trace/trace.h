// From C++ to a Graph: a Trace is open while the program is written, its inputs are Vars, and
// finish() gives the graph. trace(...) does the same for a callable.
#pragma once

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
  Traced finish();

 private:
  void add_output(const std::string& name, Value* value, int alias, const SourceLine& where);
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
  } else if constexpr (Split<T>) {
    const auto add = [&](const Var& var) {
      outputs.emplace_back(fmt::format("result_{}", outputs.size() + 1), var);
    };
    std::apply([&](const auto&... var) { (add(var), ...); }, result);
  } else {
    for (const Var& var : result) {
      outputs.emplace_back(fmt::format("result_{}", outputs.size() + 1), var);
    }
  }
  return outputs;
}

// Calls f with as many variables as there are inputs, or with the vector of them.
template <class F>
Outputs call_traced(F& f, std::vector<Var>& x) {
  const auto arity = [&]<std::size_t... I>(std::index_sequence<I...>)->bool {
    return x.size() == sizeof...(I);
  };
  const auto run = [&]<std::size_t... I>(std::index_sequence<I...>)->Outputs {
    return named_outputs(f(std::as_const(x[I])...));
  };
  if constexpr (std::invocable<F&, std::vector<Var>&>) {
    return named_outputs(f(x));
  } else {
#define NODEC_ARITY(n, ...)                                                              \
  if constexpr (std::invocable<F & __VA_OPT__(, ) __VA_ARGS__>) {                        \
    if (arity(std::make_index_sequence<n>())) return run(std::make_index_sequence<n>()); \
  }
    NODEC_ARITY(0)
    NODEC_ARITY(1, const Var&)
    NODEC_ARITY(2, const Var&, const Var&)
    NODEC_ARITY(3, const Var&, const Var&, const Var&)
    NODEC_ARITY(4, const Var&, const Var&, const Var&, const Var&)
#undef NODEC_ARITY
    throw Error(fmt::format("the traced function does not take {} variables", x.size()), {},
                "give it one parameter for each input, at most four; or one std::vector<Var>&");
  }
}

}  // namespace tracing

// Traces f, which takes one Var for each input (or a std::vector<Var>&) and returns a Var, a tuple
// or vector of them, or Outputs.
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
