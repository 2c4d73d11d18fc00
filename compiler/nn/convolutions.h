// Convolutions: [channels, sizes ..., samples] in, [outputs, positions ..., samples] out.
#pragma once

#include <vector>

#include "compiler/nn/layer.h"
#include "compiler/trace/composed.h"

namespace nodec::nn {

// activation(weight * x + bias): over one size, Conv({5}, ...), or two, Conv({3, 3}, ...). `weight`
// is [out, in, window ...], `bias` [out]; the window is not turned around (a cross-correlation, as
// learning has it).
Layer Conv(std::vector<std::int64_t> window, std::int64_t in, std::int64_t out,
           const Activation& activation = act::identity, Windows windows = {},
           Here where = Here::current());

}  // namespace nodec::nn
