// One body for both regions; each drops what the other is asked for.
#include "kernels/solve/adjoints/reverse_dynamics.h"

#include "kernels/rules.h"
#include "kernels/solve/adjoints/stop_times.h"
#include "kernels/solve/adjoints/term_sizes.h"
#include "kernels/solve/dense.h"

namespace nodec {

// (t, lambda..., frame, captures...) -> -f_u^T lambda..., then the integrands -f_p^T lambda...:
// time runs backwards, so that these integrate to + dL/dp. Added to an empty region.
Values ReverseDynamics::slopes_and_integrands(Builder& b, Region& region,
                                              const ReverseSolve& outside) const {
  Value* t = region.add_arg(solve.t0()->type, "t");
  Values seeds;
  for (const Value* l : outside.lambda) seeds.push_back(region.add_arg(l->type, "lambda"));
  Value* frame = region.add_arg(outside.frame->type, "frame");
  const Captures inside = add_args(region, outside.captures);

  const Op& step = tape_read(b, inside.tape, frame);
  Values args{solve.has_stops() ? clamped(b, t, frame_segment(step)) : t};
  const auto append = [](Values& to, const Values& values) {
    to.insert(to.end(), values.begin(), values.end());
  };
  append(args, interpolate(b, solve.method(), step, t, solve.states()));
  append(args, inside.cells);
  append(args, inside.captures);
  const Values forward = b.inline_region(*derivative.forward, args);

  append(seeds, inside.integrals);
  Values pulled(forward.end() - long(derivative.residuals), forward.end());
  for (Value* seed : seeds) pulled.push_back(neg(b, seed));
  Values out = b.inline_region(*derivative.reverse, pulled);
  for (std::size_t i = 0; bounded && i < parameters; ++i) {
    Value* size = term_sizes(b, out[solve.states() + i]);
    Value* backwards = neg(b, cast(b, size, t->type.dtype()));
    out.push_back(mul(b, inside.tolerance, backwards));
  }
  return out;
}

std::unique_ptr<Region> ReverseDynamics::slopes(const ReverseSolve& outside) const {
  auto region = std::make_unique<Region>();
  Builder b(*region);
  b.at(solve.op().where);
  region->results = slopes_and_integrands(b, *region, outside);
  if (at_nodes) region->results.resize(solve.states());
  region->results.push_back(region->arg(1 + solve.states()));  // the frame stays what it is
  drop_unused(*region);
  return region;
}

std::unique_ptr<Region> ReverseDynamics::integrands(const ReverseSolve& outside) const {
  auto region = std::make_unique<Region>();
  Builder b(*region);
  b.at(solve.op().where);
  region->results = slopes_and_integrands(b, *region, outside);
  region->results.erase(region->results.begin(), region->results.begin() + long(solve.states()));
  drop_unused(*region);
  return region;
}

}  // namespace nodec
