// Hunters and hunted, twice: `plain` computes what it needs from its arguments; `remembering` keeps
// the last meetings in a variable outside the dynamics, which nodec reports.
#include <compiler/nodec.h>

#include <tuple>

using namespace nodec;

namespace {

const std::vector<Input> kInputs{{"hunted", f64({"B"})}, {"hunters", f64({"B"})}, {"rate", f64()}};

}  // namespace

NODEC_MODEL("plain") {
  const auto end = [](const Var& hunted, const Var& hunters, const Var& rate) {
    const auto dynamics = [&](const Var& x, const Var& y) {
      const Var meetings = rate * x * y;
      return std::tuple{x - meetings, meetings - y};
    };
    return std::get<0>(solve(dynamics, std::tuple{hunted, hunters}, 0, 10).u);
  };
  return trace("plain", kInputs, end, "B");
}

NODEC_MODEL("remembering") {
  const auto end = [](const Var& hunted, const Var& hunters, const Var& rate) {
    Var meetings = rate * hunted * hunters;
    const auto dynamics = [&](const Var& x, const Var& y) {
      meetings = rate * x * y;
      return std::tuple{x - meetings, meetings - y};
    };
    solve(dynamics, std::tuple{hunted, hunters}, 0, 10);
    return meetings;
  };
  return trace("remembering", kInputs, end, "B");
}
