// The reference interpreter: evaluates any graph op by op in double precision, with no rounding to
// the program's dtypes. It is the oracle of every differential test, and is never on a training
// path.
#pragma once

#include <span>
#include <vector>

#include "ir/array.h"
#include "ir/graph.h"

namespace nodec {

class Interpreter {
 public:
  std::vector<Datum> run(const Region& region, std::span<const Datum> arguments);
  Bindings& bindings() { return bindings_; }  // symbol values, learnt from the arguments

 private:
  Bindings bindings_;
};

// Binds symbols from the arrays' dims; Error when an argument does not fit its declared type.
std::vector<Array> interpret(const Graph& graph, std::span<const Array> arguments);

}  // namespace nodec
