// The reference interpreter: evaluates any graph op by op in double precision, with no rounding to
// the program's dtypes. It is the oracle of every differential test, and is never on a training
// path.
#pragma once

#include <span>
#include <vector>

#include "ir/abi.h"
#include "ir/array.h"
#include "ir/graph.h"

namespace nodec {

class Interpreter {
 public:
  virtual ~Interpreter() = default;
  // Binds the symbols that the arguments' declared dims mention and that have no value yet. The
  // arguments need not fit their declared types: a program whose types are not stable runs as long
  // as its ops type on what they meet (Error otherwise). Virtual, so that evaluation rules, which
  // every program holds beside the other rules of an op, do not bring the interpreter along.
  virtual std::vector<Datum> run(const Region& region, std::span<const Datum> arguments);
  Bindings& bindings() { return bindings_; }  // symbol values, learnt from the arguments

  // What the run has reported so far; with the states that its component is counted through.
  struct Report {
    Outcome outcome;
    std::string states;
    const Op* caller = nullptr;  // the call that says which solve the called region is
  };
  Report& report() { return report_; }

 private:
  std::vector<Datum> run(const Op& op, std::vector<Datum> operands);

  Bindings bindings_;
  Report report_;
};

// Binds symbols from the arrays' dims; Error naming every argument that does not fit its declared
// type.
std::vector<Array> interpret(const Graph& graph, std::span<const Array> arguments);

}  // namespace nodec
