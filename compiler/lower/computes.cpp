// Computations taken out of a loop, and which arrays may be one.
#include "compiler/lower/computes.h"

namespace nodec::lowering {

using namespace plan;

std::vector<Compute> take(const std::vector<Compute>& computes, const Marks& marked) {
  std::vector<std::size_t> place(computes.size());
  std::vector<Compute> taken;
  for (std::size_t i = 0; i < computes.size(); ++i) {
    if (!marked[i]) continue;
    place[i] = taken.size();
    for (Source& s : taken.emplace_back(computes[i]).operands) {
      if (Register* r = std::get_if<Register>(&s)) r->compute = place[r->compute];
    }
  }
  return taken;
}

static bool is_argument(const Buffer& b) {
  return b.space == Buffer::Space::ArgLanes || b.space == Buffer::Space::ArgDense;
}

bool may_be_one(const Plan& plan, int a, int b) {
  const Buffer &x = plan.buffer(a), &y = plan.buffer(b);
  if (x.tape >= 0 || y.tape >= 0) {
    return x.tape >= 0 && y.tape >= 0 && plan.standing_for(x.tape) == plan.standing_for(y.tape);
  }
  if (is_argument(x) && is_argument(y)) return true;
  return plan.array_of(a) == plan.array_of(b);
}

}  // namespace nodec::lowering
