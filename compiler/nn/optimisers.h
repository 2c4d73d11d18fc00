// Optimisers as data, traced when a training program is: new parameters and new optimiser state
// from the old ones and the gradients. In a training program both are written over the inputs in
// place.
//
// Each rule is an aggregate whose first member is the learning rate, so nn::Adam(1e-3) and
// nn::Adam({.lr = 1e-3}) mean the same; the others have names alone: nn::AdamW{1e-3, 1e-2} does not
// compile. Called as a function it takes the rate of this step as a variable; a Trainer computes
// that from `lr` and its schedule.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/nn/by_name.h"
#include "compiler/trace/ops.h"

namespace nodec::nn {

struct Updated {
  Params params;
  Var state;
};

// p - lr v with v = momentum v + g; Nesterov's: p - lr (g + momentum v). State: {v: the parameters'
// record}; none without momentum.
struct Sgd {
  double lr = 1e-2;
  ByName by_name = ByName();
  double momentum = 0;
  bool nesterov = false;

  Type state(const Type& params) const;
  Updated operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                     Here where = Here::current()) const;
};

// Kingma and Ba, Adam, 2015, with both moments corrected for their bias and eps outside the square
// root. State: {m, v: the parameters' record, step: i32[]}. Moments below 2^-100 become zero: 0.9 m
// would otherwise end as a subnormal number that never goes away, and is slow.
struct Adam {
  double lr = 1e-3;
  ByName by_name = ByName();
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;

  Type state(const Type& params) const;
  Updated operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                     Here where = Here::current()) const;
};

// Loshchilov and Hutter, Decoupled weight decay regularization, 2019: Adam's step and lr decay p.
struct AdamW {
  double lr = 1e-3;
  ByName by_name = ByName();
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 1e-2;
  std::vector<std::string> decayed = {};  // names (names.h); none: all parameters
};

// Hinton, lecture 6e, 2012: p - lr b with b = momentum b + g / (sqrt(v) + eps), v = rho v + (1 -
// rho) g^2. State: {v: the parameters' record}, and b where there is momentum.
struct RmsProp {
  double lr = 1e-3;
  ByName by_name = ByName();
  double rho = 0.9, eps = 1e-8, momentum = 0;
};

// One link of a chain. Derive from it to write an optimiser of your own.
class OptimiserRules {
 public:
  virtual ~OptimiserRules() = default;
  virtual std::string str() const = 0;   // "Adam(beta1 0.9, beta2 0.999, eps 1e-08)"
  virtual std::string name() const = 0;  // "adam": its state's, in the chain's record
  virtual Type state(const Type&) const { return Type::record({}); }  // of these parameters

  // What reaches a link: gradients in front of the link that takes the learning rate, the step
  // behind it. What leaves the last one is subtracted from the parameters.
  struct Direction {
    const Params& params;
    const Var& going;
    const Var& state;
    const Var& lr;
    bool is_step;
  };
  struct Turned {
    Var going, state;
  };
  virtual Turned turn(const Direction& d) const = 0;
  virtual bool takes_rate() const { return false; }
  virtual double lr() const { return 0; }  // of the link that takes the rate
};

// A chain of links, in any order: Chained({ClipNorm(1), Adam({.lr = 1e-3})}). Its state is a record
// with a field for each link that has some.
class Optimiser {
 public:
  // A rule is one. Error at this line where its numbers are none of its.
  Optimiser(const Sgd& rule, Here where = Here::current());   // NOLINT(google-explicit-constructor)
  Optimiser(const Adam& rule, Here where = Here::current());  // NOLINT(google-explicit-constructor)
  Optimiser(const AdamW& rule,
            Here where = Here::current());  // NOLINT(google-explicit-constructor)
  Optimiser(const RmsProp& rule,
            Here where = Here::current());  // NOLINT(google-explicit-constructor)
  explicit Optimiser(std::vector<std::shared_ptr<const OptimiserRules>> links);
  // No move: what would have been moved from stays an optimiser.
  Optimiser(const Optimiser&) = default;
  Optimiser& operator=(const Optimiser&) = default;

  const std::vector<std::shared_ptr<const OptimiserRules>>& links() const { return links_; }
  std::string str() const;
  double lr() const;  // Error unless one link takes a learning rate
  Type state(const Type& params) const;
  Updated operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                     Here where = Here::current()) const;

 private:
  std::vector<std::string> names() const;  // of the links; a second one of a name is name_2
  std::vector<std::shared_ptr<const OptimiserRules>> links_;
};

// "sgd" (with momentum 0.9), "adam", "adamw", "rmsprop"; an Error lists them.
Optimiser optimiser_named(std::string_view name, double lr, Here where = Here::current());
Optimiser Chained(const std::vector<Optimiser>& parts);
// Scales everything down so that the norm over all parameters is at most `largest`.
Optimiser ClipNorm(double largest);
// Each element to [-largest, largest].
Optimiser ClipValue(double largest);
// Adds rate p to the gradient, or, behind the rule, lr rate p to the step; of the parameters that
// `names` mean (names.h), or all.
Optimiser WeightDecay(double rate, std::vector<std::string> names = {},
                      Here where = Here::current());

}  // namespace nodec::nn
