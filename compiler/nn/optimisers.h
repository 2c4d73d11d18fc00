// Optimisers as plain traced code: new parameters and new optimiser state from the old ones and the
// gradients. In a training program both are written over the inputs in place.
#pragma once

#include "compiler/trace/ops.h"

namespace nodec::nn {

struct Updated {
  Params params;
  Var state;
};

// p - lr v with v = momentum v + g. State: {v: the parameters' record}; none without momentum.
struct Sgd {
  double momentum = 0;

  Type state(const Type& params) const;
  Updated operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                     Here where = Here::current()) const;
};

// Kingma and Ba, Adam, 2015, with both moments corrected for their bias and eps outside the square
// root. State: {m, v: the parameters' record, step: i32[]}. Moments below 2^-100 become zero: 0.9 m
// would otherwise end as a subnormal number that never goes away, and is slow.
struct Adam {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;

  Type state(const Type& params) const;
  Updated operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                     Here where = Here::current()) const;
};

}  // namespace nodec::nn
