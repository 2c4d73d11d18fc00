// A neural ODE as a layer: its input is u0, its output u at t1, the dynamics a model of their own.
// A model has state, and state inside a solve can be written in three ways, the tutorial's three;
// they compute the same:
//   layer     the dynamics capture the variable `st` and reassign it: works, and is reported as
//             `boxed` (in Julia the same code hides a Core.Box)
//   stateful  the state lives in a typed cell (StatefulLayer) that the dynamics update
//   compact   the dynamics see the state as it entered; the new one is the model's at u(t1), so it
//             must not depend on how often the dynamics ran
#pragma once

#include <functional>

#include "compiler/nn/layer.h"
#include "compiler/trace/cell.h"
#include "compiler/trace/solve.h"

namespace nodec::nn {

// A layer together with its parameters and a cell for its state: called like a function.
class StatefulLayer {
 public:
  // `policy`: what the state means when the layer is called inside a solve.
  StatefulLayer(Layer layer, const Params& ps, const State& st,
                StatePolicy policy = StatePolicy::None, Here where = Here::current());
  Var operator()(const Var& x) const;
  State state() const;

 private:
  Layer layer_;
  Params ps_;
  Cell state_;
};

enum class StateStyle { Layer, Stateful, Compact };

struct NeuralOdeOptions {
  StateStyle style = StateStyle::Compact;
  StatePolicy policy = StatePolicy::None;  // of a stateful model's state
  Setting t0 = 0, t1 = 1;
  SolveOptions solve = {};
  // Sees each solve (its counts, its status) where the layer is applied.
  std::function<void(const Solution<Var>&)> observe = {};
};

Layer NeuralOde(Layer dynamics, NeuralOdeOptions options = {}, Here where = Here::current());

}  // namespace nodec::nn
