// Emitting the stages of a step; see the header for the order of sums.
#include "kernels/solve/step.h"

#include <utility>

namespace nodec {

Value* scaled(Builder& b, Value* factor, Value* x) {
  return mul(b, broadcast_scalar(b, factor, x->type.shape()), x);
}

Value* scaled_plus(Builder& b, Value* factor, Value* x, Value* z) {
  return fma(b, broadcast_scalar(b, factor, x->type.shape()), x, z);
}

Value* choose(Builder& b, Value* pred, Value* x, Value* y) {
  if (x == y) return x;
  return select(b, broadcast_scalar(b, pred, x->type.shape()), x, y);
}

Dynamics::Dynamics(const Region& region, std::size_t states, std::size_t quadratures,
                   std::size_t cells, Values captures, std::string_view name)
    : called_(clone(region)),
      states_(states),
      quadratures_(quadratures),
      cells_(cells),
      captures_(std::move(captures)),
      name_(name) {
  const Values all = called_->results;
  called_->results.resize(states + quadratures + cells);
  for (std::size_t i = called_->results.size(); i < all.size(); ++i) {
    sources_.push_back(source_of(*called_, all[i]));
    if (sources_.back().place == Place::Own) called_->results.push_back(all[i]);
  }
}

Dynamics::Source Dynamics::source_of(const Region& region, const Value* residual) const {
  if (!residual->op && std::size_t(residual->index) <= states_) {
    return {Place::Argument, std::size_t(residual->index)};
  }
  for (std::size_t i = 0; i < states_ + quadratures_; ++i) {
    if (region.results[i] == residual) return {Place::Result, i};
  }
  return {};
}

Evaluation Dynamics::evaluate(Builder& b, Value* t, const Values& states, Values& cells) const {
  Values args{t};
  args.insert(args.end(), states.begin(), states.end());
  args.insert(args.end(), cells.begin(), cells.end());
  args.insert(args.end(), captures_.begin(), captures_.end());
  const Op& op = call(b, std::move(args), clone(*called_), name_);
  std::size_t next = 0;
  const auto take = [&](std::size_t n) {
    Values values;
    while (n-- > 0) values.push_back(op.result(next++));
    return values;
  };
  Evaluation out;
  out.slopes = take(states_);
  out.integrands = take(quadratures_);
  cells = take(cells_);
  for (const Source& source : sources_) {
    out.residuals.push_back(source.place == Place::Own ? op.result(next++) : nullptr);
  }
  return completed(std::move(out), t, states);
}

Values Dynamics::entering(const Values& start, Values now) const {
  for (const std::int64_t cell : per_step_) now[std::size_t(cell)] = start[std::size_t(cell)];
  return now;
}

Evaluation Dynamics::carried(Evaluation evaluation) const {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].place != Place::Own) evaluation.residuals[i] = nullptr;
  }
  return evaluation;
}

Evaluation Dynamics::completed(Evaluation evaluation, Value* t, const Values& states) const {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const auto [place, index] = sources_[i];
    if (place == Place::Argument) evaluation.residuals[i] = index == 0 ? t : states[index - 1];
    if (place != Place::Result) continue;
    evaluation.residuals[i] =
        index < states_ ? evaluation.slopes[index] : evaluation.integrands[index - states_];
  }
  return evaluation;
}

Value* advance(Builder& b, Value* z, Value* dt, const double* weights, std::size_t count,
               const std::vector<Evaluation>& stages, std::size_t i) {
  for (std::size_t s = 0; s < count; ++s) {
    if (weights[s] == 0) continue;
    Value* factor = mul(b, dt, scalar(b, dt->type.dtype(), weights[s]));
    z = scaled_plus(b, factor, stages.at(s).slopes.at(i), z);
  }
  return z;
}

namespace {

// A step being taken.
struct Stages {
  const Method& method;
  const Dynamics& dynamics;
  const StepStart& from;
  Values cells;  // as the step begins
};

Values combine(Builder& b, const Stages& in, const double* weights, std::size_t count,
               const std::vector<Evaluation>& stages) {
  Values z;
  for (std::size_t i = 0; i < in.from.states.size(); ++i) {
    z.push_back(advance(b, in.from.states[i], in.from.dt, weights, count, stages, i));
  }
  return z;
}

Value* stage_time(Builder& b, const Stages& in, std::size_t s) {
  const auto& [t, dt, states, segment] = in.from;
  const double c = in.method.c[s];
  if (c == 0) return clamped(b, t, segment);
  if (c == 1) return clamped(b, add(b, t, dt), segment);
  return clamped(b, fma(b, scalar(b, t->type.dtype(), c), dt, t), segment);
}

// Appends the next stage; returns its input.
Values add_stage(Builder& b, const Stages& in, std::vector<Evaluation>& stages, Values& cells) {
  const std::size_t s = stages.size();
  Values z = combine(b, in, in.method.a[s], s, stages);
  cells = in.dynamics.entering(in.cells, std::move(cells));
  stages.push_back(in.dynamics.evaluate(b, stage_time(b, in, s), z, cells));
  return z;
}

}  // namespace

Step take_step(Builder& b, const Method& method, const Dynamics& dynamics, const StepStart& from,
               std::vector<Evaluation> stages, Values& cells) {
  const Stages in{method, dynamics, from, cells};
  const std::size_t count = std::size_t(method.stages);
  Values z, before;
  while (stages.size() < count) before = std::exchange(z, add_stage(b, in, stages, cells));
  if (!method.fsal) z = combine(b, in, method.b, count, stages);
  return {std::move(stages), std::move(z), std::move(before)};
}

std::vector<Evaluation> take_stages(Builder& b, const Method& method, const Dynamics& dynamics,
                                    const StepStart& from, std::size_t count, Values& cells) {
  const Stages in{method, dynamics, from, cells};
  std::vector<Evaluation> stages;
  while (stages.size() < count) add_stage(b, in, stages, cells);
  return stages;
}

Value* error_estimate(Builder& b, const Method& method, Value* dt,
                      const std::vector<Evaluation>& stages, std::size_t i) {
  Value* e = nullptr;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    if (method.error[s] == 0) continue;
    Value* factor = mul(b, dt, scalar(b, dt->type.dtype(), method.error[s]));
    Value* slope = stages[s].slopes.at(i);
    e = e ? scaled_plus(b, factor, slope, e) : scaled(b, factor, slope);
  }
  return e;
}

}  // namespace nodec
