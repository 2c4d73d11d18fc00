// One turn of `unwind`: an accepted step reversed, and where it is asked for the second sweep that
// carries the gradient's error (formulas: discrete.cpp).
//
// Both sweeps are one code: `pull` takes a stage's seeds through the reverse dynamics and adds what
// comes out to the sums of its sweep. The second has the seeds of delta and of the step's own error
// in one, so it costs one reverse evaluation a stage, like the first; what earlier stages get of
// delta alone is that result less the error's share, which the first sweep knows.
#include "kernels/solve/adjoints/per_sample.h"
#include "kernels/solve/adjoints/unwind.h"
#include "kernels/solve/control.h"
#include "kernels/solve/frame.h"

namespace nodec {
namespace {

// Adds a possibly absent x.
Value* plus(Builder& b, Value* sum, Value* x) { return sum ? add(b, sum, x) : x; }

// What multiplies the step's own length, over its stages: sum of c_s tbar_s, and of <k_s, kbar_s>.
struct Length {
  Value *times = nullptr, *products = nullptr;
};

class StepReversal {
 public:
  StepReversal(Builder& b, const Unwind& u, const UnwindState& before, const UnwindEnv& env)
      : b_(b), u_(u), env_(env), before_(before), next_(before) {
    read_frame();
    seeds_ = start_seeds(before.gradient.states, env.integrals);
    if (u.error) error_seeds_ = start_seeds(before.error.states, {});
  }

  UnwindState emit() {
    if (u_.error && u_.recorded_stages() > u_.stages()) add_last_stage();
    for (std::size_t s = u_.stages(); s-- > 0;) {
      if (reached(s)) reverse_stage(s);
    }
    if (u_.time) finish_time(length_, next_.gradient);
    if (u_.time && u_.error) finish_time(error_length_, next_.error);
    if (u_.moves_stops()) next_.landing = segment_.from;
    if (u_.error) watch_peaks();
    if (u_.watches()) end_growth();
    next_.index = sub(b_, next_.index, integer(b_, Dtype::I32, 1));
    return next_;
  }

 private:
  // Per stage its cotangents: of the states, then of the integrals; null where none came.
  using StageSeeds = std::vector<Values>;

  Value* number(double x) { return scalar(b_, dt_->type.dtype(), x); }
  Value* factor(double weight) { return mul(b_, dt_, number(weight)); }
  bool reached(std::size_t s) const {
    return u_.method.b[s] != 0 || (u_.states > 0 && seeds_[s][0] != nullptr);
  }

  void read_frame() {
    const Op& frame = tape_read(b_, env_.tape, before_.index);
    dt_ = frame.result(1);
    if (u_.has_stops) segment_ = frame_segment(frame);
    const auto values = [&](std::size_t first, std::size_t count) {
      Values out;
      for (std::size_t i = first; i < first + count; ++i) out.push_back(frame.result(i));
      return out;
    };
    for (const std::int64_t place : u_.state_places) {
      start_.push_back(frame.result(std::size_t(place)));
    }
    const std::size_t stages = u_.recorded_stages();
    if (u_.keep) {
      for (std::size_t s = 0; s < stages; ++s) {
        stored_.push_back(values(2 + s * u_.stored, u_.stored));
      }
      return;
    }
    const Dynamics forward(u_.op.region(1), u_.states, u_.integrands, u_.cells, env_.captures);
    Values cells = env_.cells;
    const Values states = values(2, u_.states);
    const StepStart from{frame.result(0), dt_, states, segment_};
    for (const Evaluation& stage : take_stages(b_, u_.method, forward, from, stages, cells)) {
      stored_.push_back(stage.residuals);
    }
  }

  // dt b_s times the cotangents that reach stage s directly; null where b_s = 0.
  StageSeeds start_seeds(const Values& states, const Values& integrals) {
    StageSeeds seeds(u_.stages());
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      const double weight = u_.method.b[s];
      Value* w = weight == 0 ? nullptr : factor(weight);
      for (Value* seed : states) seeds[s].push_back(w ? scaled(b_, w, seed) : nullptr);
      for (Value* seed : integrals) {
        seeds[s].push_back(w ? scaled(b_, w, seed) : zeros(b_, seed->type));
      }
    }
    return seeds;
  }

  void reverse_stage(std::size_t s) {
    const Values ubar = pull(s, seeds_[s], next_.gradient, length_);
    if (s + 1 == u_.stages() && u_.watches()) begin_growth(ubar);
    add_to_earlier(seeds_, s, ubar);
    if (u_.error) reverse_error(s, ubar);
  }

  // The stage's part of delta, with kbar_s error_s / b_s as its own error.
  void reverse_error(std::size_t s, const Values& ubar) {
    const double own = u_.method.b[s] == 0 ? 0 : u_.method.error[s] / u_.method.b[s];
    Values seeds;
    for (std::size_t i = 0; i < seeds_[s].size(); ++i) {
      Value *kbar = seeds_[s][i], *carried = i < u_.states ? error_seeds_[s][i] : nullptr;
      seeds.push_back(carried ? scaled_plus(b_, number(own), kbar, carried)
                              : scaled(b_, number(own), kbar));
    }
    Values onward = pull(s, seeds, next_.error, error_length_);
    for (std::size_t i = 0; i < u_.states; ++i) {
      onward[i] = scaled_plus(b_, number(-own), ubar[i], onward[i]);
    }
    add_to_earlier(error_seeds_, s, onward);
  }

  // FSAL's stage enters the embedded solution alone, so its share of the error leads nowhere else.
  void add_last_stage() {
    const std::size_t s = u_.stages();
    Value* w = factor(u_.method.error[s]);
    Values seeds;
    for (Value* seed : before_.gradient.states) seeds.push_back(scaled(b_, w, seed));
    for (Value* seed : env_.integrals) seeds.push_back(scaled(b_, w, seed));
    pull(s, seeds, next_.error, error_length_);
  }

  // Takes a stage's seeds through the reverse dynamics; gives ubar.
  Values pull(std::size_t s, const Values& seeds, Sweep& sums, Length& length) {
    Values args(stored_[s].begin(), stored_[s].begin() + long(u_.used));
    args.insert(args.end(), env_.invariants.begin(), env_.invariants.end());
    args.insert(args.end(), seeds.begin(), seeds.end());
    const Op& op = call(b_, std::move(args), clone(u_.op.region()), "dynamics_reverse");
    std::size_t next = 0;
    if (u_.time) add_time(s, op.result(next++), seeds, sums, length);
    Values ubar;
    for (Value*& sum : sums.states) {
      ubar.push_back(op.result(next++));
      sum = add(b_, sum, ubar.back());
    }
    for (Value*& sum : sums.params) sum = add(b_, sum, op.result(next++));
    return ubar;
  }

  void add_to_earlier(StageSeeds& seeds, std::size_t s, const Values& ubar) {
    for (std::size_t i = 0; i < u_.states; ++i) {
      for (std::size_t q = 0; q < s; ++q) {
        const double weight = u_.method.a[s][q];
        if (weight == 0) continue;
        Value*& kbar = seeds[q][i];
        kbar = kbar ? scaled_plus(b_, factor(weight), ubar[i], kbar)
                    : scaled(b_, factor(weight), ubar[i]);
      }
    }
  }

  // Stage s's part of the time cotangents: tbar_s, and what the step's own length multiplies.
  void add_time(std::size_t s, Value* tbar, const Values& seeds, Sweep& sums, Length& length) {
    sums.stage_times = add(b_, sums.stage_times, tbar);
    const double c = u_.method.c[s];
    if (c != 0) length.times = plus(b_, length.times, mul(b_, number(c), tbar));
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      Value* product = inner_product(b_, stored_[s][u_.used + i], seeds[i]);
      length.products = plus(b_, length.products, product);
    }
  }

  void finish_time(const Length& parts, Sweep& sums) {
    Value* length = plus(b_, parts.times, div(b_, parts.products, dt_));
    Value* is_last = eq(b_, next_.index, env_.last);
    sums.last_length = select(b_, is_last, length, sums.last_length);
    if (u_.moves_stops()) finish_segment(length, is_last, sums);
  }

  // A stop moves the length of the step that lands on it, the times of all stages up to the next
  // one, and, the other way, the length of the step that lands there.
  void finish_segment(Value* length, Value* is_last, Sweep& sums) {
    Value *none = integer(b_, Dtype::I32, 0), *zero = zeros(b_, length->type);
    Value *lands = gt(b_, before_.landing, none), *begins = gt(b_, segment_.from, none);
    Value* ends = logical_or(b_, is_last, lands);
    sums.segment_length = select(b_, ends, length, sums.segment_length);
    add_to_stop(before_.landing, length, sums);
    add_to_stop(segment_.from, sub(b_, sums.stage_times, sums.segment_length), sums);
    sums.stage_times = select(b_, begins, zero, sums.stage_times);
  }

  // `which`: 1 + a stop, or 0 for none.
  void add_to_stop(Value* which, Value* x, Sweep& sums) {
    sums.stops = add_at(b_, sums.stops, sub(b_, which, integer(b_, Dtype::I32, 1)), x);
  }

  void watch_peaks() {
    const Values squares = sample_squares(b_, next_.gradient.states, env_.unit);
    next_.peaks = larger(b_, next_.peaks, squares);
  }

  // In the scale of the step's error, atol + rtol max(|u|, |u'|).
  Values in_error_scale(const Values& states) {
    Values xs = u_.watched_of(states);
    for (std::size_t i = 0; i < xs.size(); ++i) {
      Value *at_start = abs(b_, start_[i]), *at_end = abs(b_, before_.after[i]);
      xs[i] = mul(b_, error_scale(b_, max(b_, at_start, at_end), env_.rtol, env_.atol), xs[i]);
    }
    return xs;
  }

  // The last stage has pulled dt b lambda through J at the step's end.
  void begin_growth(const Values& pulled) {
    const Values lambda = in_error_scale(before_.gradient.states);
    squares_.begin = sample_products(b_, lambda, lambda);
    squares_.along = sample_products(b_, lambda, in_error_scale(pulled));
    for (Value*& x : squares_.along) {
      x = mul(b_, x, splat(b_, x, 1 / u_.method.b[u_.stages() - 1]));
    }
  }

  void end_growth() {
    squares_.end = sample_squares(b_, in_error_scale(next_.gradient.states));
    next_.growth = grown_by(b_, before_.growth, squares_);
    next_.after = start_;
  }

  Builder& b_;
  const Unwind& u_;
  const UnwindEnv& env_;
  const UnwindState& before_;
  UnwindState next_;
  Value* dt_ = nullptr;
  Segment segment_;
  Values start_;                // the watched states as the step began
  std::vector<Values> stored_;  // per stage
  StageSeeds seeds_, error_seeds_;
  StepSquares squares_;
  Length length_, error_length_;
};

}  // namespace

UnwindState reverse_step(Builder& b, const Unwind& u, const UnwindState& before,
                         const UnwindEnv& env) {
  return StepReversal(b, u, before, env).emit();
}

}  // namespace nodec
