// The plain layers. Activations are feature-major with the batch last: f32[20, B].
#pragma once

#include <functional>
#include <vector>

#include "compiler/nn/layer.h"

namespace nodec::nn {

// activation(weight x + bias): weight f32[out, in], bias f32[out].
Layer Dense(std::int64_t in, std::int64_t out, const Activation& activation = act::identity,
            Here where = Here::current());
// All axes but the last, the batch, become one.
Layer Flatten(Here where = Here::current());
// A function without parameters or state.
Layer WrappedFunction(std::function<Var(const Var&)> f, Here where = Here::current());
// Layers one after another; their parameters and states are layer_1, layer_2, ...
Layer Chain(std::vector<Layer> layers, Here where = Here::current());

}  // namespace nodec::nn
