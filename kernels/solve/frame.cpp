// The layouts of a frame, as lists of values and of types in the same order.
#include "kernels/solve/frame.h"

#include <algorithm>

namespace nodec {
namespace {

// Which of the residuals is the state that an evaluation was taken at, or -1.
std::int64_t residual_of(const Region& dynamics, std::size_t residuals, std::int64_t state) {
  const Values& yielded = dynamics.results;
  const auto first = yielded.end() - long(residuals);
  const auto found = std::find(first, yielded.end(), dynamics.arg(std::size_t(state) + 1));
  return found == yielded.end() ? -1 : found - first;
}

}  // namespace

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
    for (std::size_t s = 0; s < solve.taped_stages(); ++s) {
      for (std::size_t i = yielded.size() - solve.residuals(); i < yielded.size(); ++i) {
        types.push_back(yielded[i]->type);
      }
    }
    for (const std::int64_t i : solve.taped_states()) {
      types.push_back(solve.initial_states()[std::size_t(i)]->type);
    }
  } else {
    add_states();
    for (int s = 0; kind == "dense" && s < method.stages; ++s) add_states();
  }
  if (solve.has_stops()) {
    const Type& time = solve.t0()->type;
    types.insert(types.end(), {Type::scalar(Dtype::I32), time, time});
  }
  return types;
}

Values frame_values(const SolveView& solve, Value* t, Value* dt, const Values& states,
                    const std::vector<Evaluation>& stages, const Segment& segment) {
  const std::string kind = solve.tape();
  Values frame{t, dt};
  const auto append = [&](const Values& values) {
    frame.insert(frame.end(), values.begin(), values.end());
  };
  if (kind == "residuals") {
    for (std::size_t s = 0; s < solve.taped_stages(); ++s) append(stages[s].residuals);
    for (const std::int64_t i : solve.taped_states()) frame.push_back(states[std::size_t(i)]);
  } else {
    append(states);
    for (std::size_t s = 0; kind == "dense" && s < stages.size(); ++s) append(stages[s].slopes);
  }
  if (solve.has_stops()) append({segment.from, segment.low, segment.high});
  return frame;
}

Segment frame_segment(const Op& frame) {
  const std::size_t size = frame.results.size();
  Segment segment;
  segment.from = frame.result(size - 3);
  segment.low = frame.result(size - 2);
  segment.high = frame.result(size - 1);
  return segment;
}

std::vector<std::int64_t> states_without_residual(const Region& dynamics, std::size_t residuals,
                                                  const std::vector<std::int64_t>& states) {
  std::vector<std::int64_t> without;
  for (const std::int64_t i : states) {
    if (residual_of(dynamics, residuals, i) < 0) without.push_back(i);
  }
  return without;
}

std::vector<std::int64_t> state_places(const SolveView& solve,
                                       const std::vector<std::int64_t>& states) {
  const bool residuals = solve.tape() == "residuals";
  const std::vector<std::int64_t> taped = solve.taped_states();
  std::vector<std::int64_t> places;
  for (const std::int64_t i : states) {
    std::int64_t place = residuals ? residual_of(solve.dynamics(), solve.residuals(), i) : i;
    if (place < 0) {
      const auto found = std::find(taped.begin(), taped.end(), i);
      NODEC_CHECK(found != taped.end(), "state {} is not on the tape of its solve", i);
      place = std::int64_t(solve.taped_stages() * solve.residuals()) + (found - taped.begin());
    }
    places.push_back(2 + place);
  }
  return places;
}

}  // namespace nodec
