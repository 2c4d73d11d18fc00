// Tracing the training step and the evaluation.
#include "examples/mnist/program.h"

#include "examples/mnist/model.h"

namespace nodec::mnist {
namespace {

// One batch through the model, inside an open trace.
class Batch {
 public:
  Batch(Trace& trace, const ProgramOptions& options)
      : real_(Type::scalar(options.dtype)),
        images_(trace.input("images", u8({"N", kPixels}))),
        labels_(trace.input("labels", u8({"N"}))),
        order_(trace.input("order", i32({"B"}))),
        model_(mnist::model(model_options(trace, options))) {}

  // The loss; the counts are kept.
  Var loss(const Params& ps, State& st) {
    const Var rows = cast(gather(images_, order_), real_.dtype());
    const Var labels = gather(labels_, order_);
    auto [logits, next] = model_(transpose(rows * (1.0f / 255)), ps, st);
    st = next;
    correct_ = nn::correct_count(logits, labels);
    return nn::cross_entropy_with_logits(logits, labels);
  }

  void outputs(Trace& trace, const Var& loss) const {
    trace.output("loss", loss);
    trace.output("correct", correct_);
    trace.output("f_evals", f_evals_);
    trace.output("accepted", accepted_);
    trace.output("rejected", rejected_);
  }

 private:
  ModelOptions model_options(Trace& trace, const ProgramOptions& options) {
    ModelOptions model;
    model.style = state_style(options.model);
    model.width = options.width;
    model.t0 = trace.input("t0", real_);
    model.t1 = trace.input("t1", real_);
    model.solve.method = options.solver;
    model.solve.controller = options.controller;
    model.solve.adjoint = options.adjoint;
    model.solve.adjoint_tolerance = options.adjoint_tolerance;
    model.solve.rtol = trace.input("rtol", real_);
    model.solve.atol = trace.input("atol", real_);
    model.solve.dt = trace.input("dt", real_);
    model.solve.max_steps = trace.input("max_steps", i32());
    model.observe = [this](const Solution<Var>& solution) {
      f_evals_ = solution.f_evals;
      accepted_ = solution.accepted;
      rejected_ = solution.rejected;
    };
    return model;
  }

  Type real_;
  Var images_, labels_, order_;
  nn::Layer model_;
  Var correct_, f_evals_, accepted_, rejected_;
};

nn::Layer plain_model(const ProgramOptions& options) {
  ModelOptions model;
  model.width = options.width;
  return mnist::model(model);
}

}  // namespace

Type parameter_type(const ProgramOptions& options) {
  return plain_model(options).params(options.dtype);
}

Type adam_type(const ProgramOptions& options) { return nn::Adam().state(parameter_type(options)); }

Traced trace_training(const ProgramOptions& options) {
  Trace trace("train", "B");
  const Params ps = trace.input("", parameter_type(options));
  const Var adam = trace.input("adam", adam_type(options));
  const Var lr = trace.input("lr", Type::scalar(options.dtype));
  State st = trace.input("state", plain_model(options).state(options.dtype));
  Batch batch(trace, options);

  const auto loss_of = [&](const Params& p) { return batch.loss(p, st); };
  Var error;
  const auto gradient = [&] {
    if (!options.gradient_error) return value_and_grad(loss_of, ps);
    auto told = value_and_grad_error(loss_of, ps);
    error = told.error;
    return std::pair(told.value, told.gradient);
  };
  const auto [loss, grads] = gradient();
  const nn::Updated updated = nn::Adam()(ps, grads, adam, lr);

  trace.update("", updated.params);
  trace.update("adam", updated.state);
  trace.update("state", st);
  batch.outputs(trace, loss);
  if (options.gradient_error) trace.output("gradient_error", error);
  return trace.finish();
}

Traced trace_evaluation(const ProgramOptions& options) {
  Trace trace("evaluate", "B");
  const Params ps = trace.input("", parameter_type(options));
  State st = trace.input("state", plain_model(options).state(options.dtype));
  Batch batch(trace, options);
  batch.outputs(trace, batch.loss(ps, st));
  return trace.finish();
}

}  // namespace nodec::mnist
