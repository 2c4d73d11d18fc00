// Tracing a training step, an evaluation and a prediction of any model.
#include "compiler/train/programs.h"

#include <numeric>
#include <optional>
#include <typeinfo>

#include "compiler/nn/names.h"
#include "compiler/nn/regularisers.h"
#include "compiler/trace/grad.h"

namespace nodec::nn {
namespace {

Type table_type(const TensorView& view) {
  Shape shape{Dim::symbol("N")};
  for (const std::int64_t dim : view.dims.subspan(1)) shape.push_back(Dim(dim));
  return Type::tensor(view.dtype, std::move(shape));
}

// Calls f with the name and type of each field of a record.
template <class F>
void each_field(const Type& record, const F& f) {
  for (std::size_t i = 0; i < record.elements().size(); ++i) {
    f(record.field_names()[i], record.elements()[i]);
  }
}

// A record without the leaves for which `leaves` says so, in order from `next` on.
Type without(const Type& type, const std::vector<bool>& leaves, std::size_t& next) {
  std::vector<std::pair<std::string, Type>> fields;
  each_field(type, [&](const std::string& name, const Type& field) {
    if (field.is_tensor()) {
      if (!leaves[next++]) fields.emplace_back(name, field);
    } else if (Type inside = without(field, leaves, next); !inside.elements().empty()) {
      fields.emplace_back(name, std::move(inside));
    }
  });
  return Type::record(std::move(fields));
}

// The fields of `type`, which `whole` has.
Var part_of(const Var& whole, const Type& type) {
  std::vector<std::pair<std::string, Var>> fields;
  each_field(type, [&](const std::string& name, const Type& field) {
    const Var inside = whole[name];
    fields.emplace_back(name, field.is_tensor() ? inside : part_of(inside, field));
  });
  return record(std::move(fields));
}

// `whole` with the fields that `part` has from there.
Var with_part_of(const Var& whole, const Var& part) {
  const Type some = part.type();
  std::vector<std::pair<std::string, Var>> fields;
  each_field(whole.type(), [&](const std::string& name, const Type& field) {
    const Var mine = whole[name];
    if (some.field_index(name) < 0) {
      fields.emplace_back(name, mine);
    } else {
      const Var other = part[name];
      fields.emplace_back(name, field.is_tensor() ? other : with_part_of(mine, other));
    }
  });
  return record(std::move(fields));
}

// Samples come last in a model.
Var samples_last(const Var& x) {
  if (x.rank() < 2) return x;
  Axes perm(x.rank());
  std::iota(perm.begin(), perm.end() - 1, 1);
  perm.back() = 0;
  return transpose(x, perm);
}

Var samples_first(const Var& x) {
  if (x.rank() < 2) return x;
  Axes perm(x.rank());
  std::iota(perm.begin() + 1, perm.end(), 0);
  perm.front() = std::int64_t(x.rank()) - 1;
  return transpose(x, perm);
}

Var in_dtype(const Var& x, Dtype dtype) {
  return is_float(x.dtype()) && x.dtype() != dtype ? cast(x, dtype) : x;
}

// The tables of a program that is being traced, and the rows of its batch.
class Feed {
 public:
  Feed(Trace& trace, Collect& collect, const Prepare& input, Dtype dtype, const TableTypes& tables)
      : collect_(collect),
        input_(input),
        dtype_(dtype),
        has_y_(tables.has_y),
        x_(trace.input("x", tables.x)) {
    if (has_y_) y_ = trace.input("y", tables.y);
    rows_ = trace.input("rows", Type::tensor(Dtype::I32, {Dim::symbol("B")}));
  }

  Var x() const {
    const Var x = rows_of(x_, "x");
    return input_ ? input_(x) : in_dtype(x, dtype_);
  }
  Var y(const Var& x) const { return has_y_ ? in_dtype(rows_of(y_, "y"), dtype_) : x; }
  Var samples(Dtype dtype) const { return cast(size(rows_, 0), dtype); }

  // An Error of the model or the loss, with what is easily overlooked.
  Error explained(const Error& error, const Layer& model) const {
    std::vector<Note> notes = error.notes();
    if (!input_ && is_integer(x_.dtype())) {
      notes.push_back({model.where(), fmt::format("this model is given the table x as it is, {}; "
                                                  "TrainerOptions::input could cast it",
                                                  name(x_.dtype()))});
    }
    if (!has_y_) {
      notes.push_back({model.where(), "there is no table y: each sample is its own target"});
    }
    return Error(error.message(), std::move(notes), error.help());
  }

 private:
  Var rows_of(const Var& table, const char* name) const {
    const Var rows = samples_last(gather(table, rows_));
    collect_.source(rows, name);
    return rows;
  }

  Collect& collect_;
  const Prepare& input_;
  Dtype dtype_;
  bool has_y_;
  Var x_, y_, rows_;
};

// Of a metric: a scalar of a dtype in which it is read.
Var told_part(const std::string& metric, const char* part, const Var& x) {
  const Type type = x.type();
  if (!type.is_tensor() || type.rank() != 0) {
    throw Error(
        fmt::format("the metric '{}' has a {} that is no scalar, but {}", metric, part, type.str()),
        {}, "add it up: sum(x)");
  }
  const bool is_small = type.dtype() == Dtype::U8 || type.dtype() == Dtype::Bool;
  return is_small ? cast(x, Dtype::I32) : x;
}

// A batch's loss, and what is told beside it: assigned inside of a gradient, used outside.
class Told {
 public:
  Told(const Recipe& recipe, const Feed& feed) : recipe_(recipe), feed_(feed) {
    for (std::size_t i = 0; i < recipe.metrics.size(); ++i) {
      parts_.push_back({Var(), Var()});
    }
  }

  Var loss(const Params& ps, State& st) {
    try {
      return loss_of(ps, st);
    } catch (const Error& error) {
      if (typeid(error) != typeid(Error)) throw;  // Untraceable, with its findings
      throw feed_.explained(error, recipe_.model);
    }
  }

  void outputs(Trace& trace, const Var& loss, const Collect& collect) const {
    trace.output("loss", loss);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::string& name = recipe_.metrics[i].name();
      trace.output(name + ".sum", told_part(name, "sum", parts_[i].sum));
      trace.output(name + ".count", told_part(name, "count", parts_[i].count));
    }
    for (const Collect::Solve& solve : collect.solves()) {
      trace.output("solves." + solve.path + ".f_evals", solve.f_evals);
      trace.output("solves." + solve.path + ".accepted", solve.accepted);
      trace.output("solves." + solve.path + ".rejected", solve.rejected);
    }
  }

 private:
  Var loss_of(const Params& ps, State& st) {
    const Var x = feed_.x(), y = feed_.y(x);
    auto [output, next] = recipe_.model(x, ps, st);
    st = next;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Metric::Part part = recipe_.metrics[i](output, y);
      parts_[i].sum = part.sum;
      parts_[i].count = part.count;
    }
    return recipe_.loss(output, y);
  }

  const Recipe& recipe_;
  const Feed& feed_;
  std::vector<Metric::Part> parts_;
};

TrainingProgram finished(Trace& trace, const Collect& collect) {
  TrainingProgram program{
      trace.finish(), collect.settings(), {}, collect.uncounted(), collect.numbers()};
  for (const Collect::Solve& solve : collect.solves()) program.solves.push_back(solve.path);
  return program;
}

// A prediction has a row for each sample.
void check_output(const Layer& model, const Type& output) {
  const bool rows =
      output.is_tensor() && output.rank() > 0 && output.shape().back() == Dim::symbol("B");
  if (rows) return;
  throw Error(fmt::format("a prediction is a row for each of B samples, but the model gives {}",
                          output.str()),
              {{model.where(), "this model"}},
              "let it give one tensor, the samples as its last axis");
}

// The gradients of several batches as one: sums over their samples, which `apply` ends.
class Accumulation {
 public:
  Accumulation(Trace& trace, const Type& learning, Dtype dtype)
      : sum_(trace.input("accumulated", learning)),
        samples_(trace.input("accumulated_samples", Type::scalar(dtype))),
        apply_(trace.input("apply", Type::scalar(Dtype::I32))) {}

  // The mean gradient so far.
  Var add(const Var& grads, const Var& samples) {
    samples_ = samples_ + samples;
    sum_ =
        map_leaves({sum_, grads}, [&](const std::vector<Var>& x) { return x[0] + samples * x[1]; });
    return map_leaves({sum_}, [&](const std::vector<Var>& x) { return x[0] / samples_; });
  }
  Var applied(const Var& after, const Var& before) const {
    const Var applies = apply_ != 0;
    return map_leaves({after, before}, [&](const std::vector<Var>& x) {
      return select(broadcast_to(applies, x[0].shape(), {}), x[0], x[1]);
    });
  }
  void update(Trace& trace) const {
    trace.update("accumulated", applied(zeros(sum_.type()), sum_));
    trace.update("accumulated_samples", select(apply_ != 0, zeros(samples_.type()), samples_));
  }

 private:
  Var sum_, samples_, apply_;
};

void check_learns(const Recipe& recipe, const Type& learns) {
  if (recipe.frozen.empty() || !tracing::leaf_names(learns).empty()) return;
  throw Error(
      fmt::format("no parameter learns: all are frozen by '{}'", fmt::join(recipe.frozen, "', '")),
      {{recipe.model.where(), "this model"}}, "freeze fewer, or evaluate without a step");
}

}  // namespace

TableTypes::TableTypes(const Tables& tables)
    : x(table_type(tables.x.view())), has_y(!tables.y.empty()) {
  if (has_y) y = table_type(tables.y.view());
}

std::string TableTypes::str() const { return has_y ? x.str() + " " + y.str() : x.str(); }

Type learning(const Type& params, const std::vector<std::string>& frozen) {
  if (frozen.empty()) return params;
  std::size_t next = 0;
  return without(params, leaves_meant(frozen, tracing::leaf_names(params), "frozen"), next);
}

TrainingProgram trace_step(const Recipe& recipe, const TableTypes& tables, bool tell_error) {
  Trace trace("train", "B");
  Collect collect;
  const Type all = recipe.model.params(recipe.dtype), learns = learning(all, recipe.frozen);
  check_learns(recipe, learns);
  const Params ps = trace.input("", all);
  const Params learning_ps = recipe.frozen.empty() ? ps : Params(part_of(ps, learns));
  const Var optimiser = trace.input("optimiser", recipe.optimiser.state(learns));
  const Var lr = trace.input("lr", Type::scalar(recipe.dtype));
  std::optional<Accumulation> accumulation;
  if (recipe.accumulates) accumulation.emplace(trace, learns, recipe.dtype);
  State st = trace.input("state", recipe.model.state(recipe.dtype));
  const Feed feed(trace, collect, recipe.input, recipe.dtype, tables);
  Told told(recipe, feed);

  Var error;
  const auto loss_of = [&](const Params& p) {
    return told.loss(recipe.frozen.empty() ? p : Params(with_part_of(ps, p)), st);
  };
  const auto gradient = [&] {
    if (!tell_error) return value_and_grad(loss_of, learning_ps);
    auto with_error = value_and_grad_error(loss_of, learning_ps);
    error = with_error.error;
    return std::pair(with_error.value, with_error.gradient);
  };
  const auto [loss, grads] = gradient();
  const Var direction =
      accumulation ? accumulation->add(grads, feed.samples(recipe.dtype)) : Var(grads);
  Updated updated = recipe.optimiser(learning_ps, direction, optimiser, lr);
  if (accumulation) {
    updated.params = accumulation->applied(updated.params, learning_ps);
    updated.state = accumulation->applied(updated.state, optimiser);
    accumulation->update(trace);
  }
  trace.update("", updated.params);
  trace.update("optimiser", updated.state);
  trace.update("state", st);
  told.outputs(trace, loss, collect);
  if (tell_error) trace.output("gradient_error", error);
  return finished(trace, collect);
}

TrainingProgram trace_evaluation(const Recipe& recipe, const TableTypes& tables) {
  Trace trace("evaluate", "B");
  Collect collect;
  const TestMode in_use;
  const Params ps = trace.input("", recipe.model.params(recipe.dtype));
  State st = trace.input("state", recipe.model.state(recipe.dtype));
  const Feed feed(trace, collect, recipe.input, recipe.dtype, tables);
  Told told(recipe, feed);
  const Var loss = told.loss(ps, st);
  told.outputs(trace, loss, collect);
  return finished(trace, collect);
}

TrainingProgram trace_prediction(const Layer& model, const Prepare& input, Dtype dtype,
                                 const TableTypes& tables) {
  Trace trace("predict", "B");
  Collect collect;
  const TestMode in_use;
  const Params ps = trace.input("", model.params(dtype));
  const State st = trace.input("state", model.state(dtype));
  const Feed feed(trace, collect, input, dtype, tables);
  const Var output = model(feed.x(), ps, st).first;
  check_output(model, output.type());
  trace.output("output", samples_first(output));
  return finished(trace, collect);
}

}  // namespace nodec::nn
