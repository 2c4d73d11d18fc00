// The parameters a training begins with.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/nodec.h"
#include "examples/mnist/options.h"

namespace nodec::mnist {

struct Parameter {
  std::string name;
  Tensor values;
};
// Drawn from the seed, or read from the file of --load; Error when that holds others than the model
// has.
std::vector<Parameter> initial_parameters(const Options& options);

bool all_finite(std::span<const float> values);

}  // namespace nodec::mnist
