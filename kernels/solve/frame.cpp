// The layouts of a frame, as lists of values and of types in the same order.
#include "kernels/solve/frame.h"

namespace nodec {

bool is_tape_kind(std::string_view kind) {
  return kind.empty() || kind == "residuals" || kind == "states" || kind == "dense";
}

std::vector<Type> frame_types(const SolveView& solve) {
  const std::string kind = solve.tape();
  const Method& method = solve.method();
  std::vector<Type> types{solve.t0()->type, solve.t0()->type};
  const auto add_states = [&] {
    for (const Value* u : solve.initial_states()) types.push_back(u->type);
  };
  if (kind == "residuals") {
    const Values& yielded = solve.dynamics().results;
    for (int s = 0; s < method.active_stages(); ++s) {
      for (std::size_t i = yielded.size() - solve.residuals(); i < yielded.size(); ++i) {
        types.push_back(yielded[i]->type);
      }
    }
  } else {
    add_states();
    for (int s = 0; kind == "dense" && s < method.stages; ++s) add_states();
  }
  return types;
}

Values frame_values(const SolveView& solve, Value* t, Value* dt, const Values& states,
                    const std::vector<Evaluation>& stages) {
  const std::string kind = solve.tape();
  Values frame{t, dt};
  const auto append = [&](const Values& values) {
    frame.insert(frame.end(), values.begin(), values.end());
  };
  if (kind == "residuals") {
    const std::size_t active = std::size_t(solve.method().active_stages());
    for (std::size_t s = 0; s < active; ++s) append(stages[s].residuals);
  } else {
    append(states);
    for (std::size_t s = 0; kind == "dense" && s < stages.size(); ++s) append(stages[s].slopes);
  }
  return frame;
}

}  // namespace nodec
