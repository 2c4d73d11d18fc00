// One walk over the reverse steps, which meets the begin of every forward one.
#include "kernels/solve/adjoints/stop_times.h"

#include "kernels/solve/frame.h"
#include "kernels/solve/loop.h"

namespace nodec {
namespace {

struct Walk {
  Value *step, *frame;  // the reverse step, and the forward frame it begins in or at
  Value* total;

  template <class F>
  void each(F&& f) {
    f(step, "step"), f(frame, "frame"), f(total, "total");
  }
};

struct WalkEnv {
  Value *forward, *backward, *steps;
  Values integrals, cells, captures;

  template <class F>
  void each(F&& f) {
    f(forward, "forward"), f(backward, "backward"), f(steps, "steps");
    each_of(f, integrals, "ibar"), each_of(f, cells, "cell"), each_of(f, captures, "capture");
  }
};

class StopWalk {
 public:
  StopWalk(const SolveView& solve, const Request& request) : solve_(solve), request_(request) {}

  Value* emit(Builder& b, const StopCrossings& c) const {
    Value* one = integer(b, Dtype::I32, 1);
    const Walk start{integer(b, Dtype::I32, 0), sub(b, c.forward_frames, one),
                     zeros(b, solve_.stops()->type)};
    const WalkEnv env{
        c.forward,        c.backward, c.backward_frames, c.integrals, solve_.initial_cells(),
        solve_.captures()};
    return emit_while(
               b, start, env,
               [](Builder& in, const Walk& now, const WalkEnv& fixed) {
                 return lt(in, now.step, fixed.steps);
               },
               [&](Builder& in, const Walk& now, const WalkEnv& fixed) {
                 return turn(in, now, fixed);
               })
        .total;
  }

 private:
  Walk turn(Builder& b, const Walk& now, const WalkEnv& env) const {
    const Op& back = tape_read(b, env.backward, now.step);
    const Op& frame = tape_read(b, env.forward, now.frame);
    Value *one = integer(b, Dtype::I32, 1), *none = integer(b, Dtype::I32, 0);
    Value* inside = gt(b, now.frame, none);
    Value* begins = logical_and(b, inside, eq(b, back.result(0), frame.result(0)));
    const Segment behind = frame_segment(frame);
    Value* jumps = logical_and(b, begins, gt(b, behind.from, none));
    Value* before = sub(b, now.frame, one);
    Values lambda, u;
    for (std::size_t i = 0; i < solve_.states(); ++i) {
      lambda.push_back(back.result(2 + i)), u.push_back(frame.result(2 + i));
    }
    Value* previous = tape_read(b, env.forward, select(b, inside, before, none)).result(0);
    Value* share =
        jump(b, jumps, {frame.result(0), previous, behind.low, behind.high, lambda, u, env});
    return {add(b, now.step, one), select(b, begins, before, now.frame),
            add_at(b, now.total, sub(b, behind.from, one), share)};
  }

  struct Crossing {
    Value *stop, *before;  // the stop, and a time before it
    Value *low, *high;     // the ends of the segment behind it; which is which, the direction says
    Values lambda, u;
    WalkEnv env;

    template <class F>
    void each(F&& f) {
      f(stop, "stop"), f(before, "before"), f(low, "low"), f(high, "high");
      each_of(f, lambda, "lambda"), each_of(f, u, "u");
      env.each(f);
    }
  };

  // lambda . (f- - f+) where there is a jump, else 0.
  Value* jump(Builder& b, Value* jumps, const Crossing& at) const {
    const auto crossed = [&](Builder& in, const Crossing& here) {
      Value* ahead = next_after(in, here.stop, here.before);
      Value* behind = select(in, gt(in, here.stop, here.before), here.low, here.high);
      Value *rate_before = rate(in, ahead, here), *rate_behind = rate(in, behind, here);
      return Values{sub(in, rate_before, rate_behind)};
    };
    const auto none = [](Builder& in, const Crossing& here) {
      return Values{zeros(in, here.stop->type)};
    };
    return emit_cond(b, jumps, at, crossed, none).front();
  }

  Value* rate(Builder& b, Value* t, const Crossing& at) const {
    Values cells = at.env.cells, seeds = at.lambda;
    const Evaluation there = Dynamics(solve_, at.env.captures).evaluate(b, t, at.u, cells);
    Values rates = there.slopes;
    for (std::size_t i : request_.integrals) rates.push_back(there.integrands[i]);
    seeds.insert(seeds.end(), at.env.integrals.begin(), at.env.integrals.end());
    return inner_products(b, rates, seeds);
  }

  const SolveView& solve_;
  const Request& request_;
};

}  // namespace

Value* stop_cotangents(Builder& b, const SolveView& solve, const Request& request,
                       const StopCrossings& crossings) {
  return StopWalk(solve, request).emit(b, crossings);
}

}  // namespace nodec
