// Recurrent cells: one step each. The input is a record of the step's features and what was
// remembered, the output what is to be remembered:
//
//   auto [next, state] = cell(record({{"x", x}, {"h", h}}), ps, st);
#pragma once

#include "compiler/nn/layer.h"

namespace nodec::nn {

// {x [in, B], h [out, B]} -> h [out, B]: activation(weight_i x + weight_h h + bias).
Layer RNNCell(std::int64_t in, std::int64_t out, const Activation& activation = act::tanh,
              Here where = Here::current());
// {x, h} -> h (Cho et al. 2014): the gates r and z and the candidate n, each `out` rows of
// weight_i, weight_h, bias_i and bias_h in this order; n = tanh(... + r (weight_h h + bias_h)),
// h = (1 - z) n + z h.
Layer GRUCell(std::int64_t in, std::int64_t out, Here where = Here::current());
// {x, h, c} -> {h, c} (Hochreiter and Schmidhuber 1997): the gates i and f, the candidate g and the
// gate o, in this order; c = f c + i g, h = o tanh(c).
Layer LSTMCell(std::int64_t in, std::int64_t out, Here where = Here::current());

}  // namespace nodec::nn
