// One evaluation of the transposed Jacobians.
#include "kernels/solve/adjoints/without_steps.h"

#include "kernels/build.h"
#include "kernels/solve/landings.h"

namespace nodec {

Values without_steps(Builder& b, const SolveView& solve, const Derivative& derivative,
                     const Still& still, const Values& seeds) {
  Values args{solve.has_stops() ? inner_ends(b, still.t0, still.t1).first : still.t0};
  for (const Values* part : {&still.states, &still.cells, &still.captures}) {
    args.insert(args.end(), part->begin(), part->end());
  }
  const Values forward = b.inline_region(*derivative.forward, args);
  Values pulled(forward.end() - long(derivative.residuals), forward.end());
  pulled.insert(pulled.end(), seeds.begin(), seeds.end());
  Values results = b.inline_region(*derivative.reverse, pulled);
  Value* span = sub(b, still.t1, still.t0);
  for (std::size_t i = 0; i < results.size(); ++i) {
    Value*& slope = results[i];
    Value* length = broadcast_scalar(b, cast(b, span, slope->type.dtype()), slope->type.shape());
    slope = strong_mul(b, length, slope);
    if (i < solve.states()) slope = add(b, seeds[i], slope);
  }
  return results;
}

}  // namespace nodec
