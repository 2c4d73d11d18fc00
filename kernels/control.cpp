// call, while and cond: ops that run regions.
#include "kernels/build.h"
#include "kernels/loop_reverse.h"
#include "kernels/push_control.h"
#include "kernels/regions.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

Types call_type(const Op& op) {
  require_regions(op, 1, 1);
  require_site(op);
  require_arguments(op, 0, 0);
  return result_types(op.region());
}

void require_count(const Op& op, std::size_t carried) {
  const std::size_t yielded = op.region(1).results.size();
  if (yielded == carried) return;
  fail(op, fmt::format("carries {}, but its body yields {}", count_of(carried, "value"), yielded));
}

// All carries that change their type, at once.
void require_carries(const Op& op, std::size_t carried) {
  require_count(op, carried);
  const Region& body = op.region(1);
  std::string changed;
  for (std::size_t i = 0; i < carried; ++i) {
    const Type &enters = op.operands[i]->type, &leaves = body.results[i]->type;
    if (identical(enters, leaves)) continue;
    changed += fmt::format("{}{} enters as {} and leaves as {}", changed.empty() ? "" : "; ",
                           carry_name(op, i), enters.str(), leaves.str());
  }
  if (changed.empty()) return;
  fail(op, fmt::format("does not keep the type of what it carries: {}", changed),
       "start with the type that the body makes, or cast back at its end");
}

Types while_type(const Op& op) {
  require_regions(op, 2, 2);
  const std::int64_t carried = attribute<std::int64_t>(op, "carried");
  if (op.attrs.has("tape_bytes") && attribute<std::int64_t>(op, "tape_bytes") < 1) {
    fail(op, fmt::format("caps its tape at {} bytes", attribute<std::int64_t>(op, "tape_bytes")),
         "give it room, or no cap");
  }
  if (carried < 0 || std::size_t(carried) > op.operands.size()) {
    fail(op, fmt::format("carries {} of its {}", carried, count_of(op.operands.size(), "operand")));
  }
  require_arguments(op, 0, 0);
  require_arguments(op, 1, 0);
  const Types test = result_types(op.region(0));
  if (test != Types{Type::scalar(Dtype::Bool)}) {
    fail(op, fmt::format("wants a test that yields one bool[], got {}", list_of(test)),
         "end the test in one comparison of scalars, or of one number for each sample of a batch");
  }
  // A program whose loop does not keep its types is traced on, for inference to report.
  if (attribute_or<bool>(op, "open", false)) {
    require_count(op, std::size_t(carried));
  } else {
    require_carries(op, std::size_t(carried));
  }
  return result_types(op.region(1));
}

Types cond_type(const Op& op) {
  require_regions(op, 2, 2);
  scalar_of(op, 0, Dtype::Bool);
  require_arguments(op, 0, 1);
  require_arguments(op, 1, 1);
  const Types yes = result_types(op.region(0)), no = result_types(op.region(1));
  if (yes.size() != no.size()) {
    fail(op, fmt::format("wants as many results from both branches, got {} and {}", yes.size(),
                         no.size()));
  }
  if (attribute_or<bool>(op, "open", false)) return yes;
  std::string wrong;
  for (std::size_t i = 0; i < yes.size(); ++i) {
    if (identical(yes[i], no[i])) continue;
    wrong += fmt::format("{}result {} is {} and {} ({})", wrong.empty() ? "" : "; ", i,
                         described(*op.region(0).results[i]), described(*op.region(1).results[i]),
                         differences(yes[i], no[i]));
  }
  if (!wrong.empty()) {
    fail(op, fmt::format("wants equal types from both branches, but {}", wrong),
         "cast, broadcast or move (to_device) in one branch");
  }
  return yes;
}

std::vector<Datum> eval_while(const Op& op, Data x, Interpreter& interpreter) {
  std::vector<Datum> values(x.begin(), x.end());
  while (interpreter.run(op.region(0), values).at(0).array.integer() != 0) {
    std::vector<Datum> next = interpreter.run(op.region(1), values);
    std::move(next.begin(), next.end(), values.begin());
  }
  values.resize(std::size_t(op.attrs.get<std::int64_t>("carried")));
  return values;
}

std::vector<Group> call_groups(const Op& op) {
  return {{Role::Capture, op.operands.size(), 0, -1, {{0, -1}}},
          {Role::Result, op.region().results.size(), -1, 0, {{-1, 0}}}};
}

std::vector<Group> cond_groups(const Op& op) {
  return {{Role::Setting, 1, 0},
          {Role::Capture, op.operands.size() - 1, 1, -1, {{0, -1}, {0, -1}}},
          {Role::Result, op.region().results.size(), -1, 0, {{-1, 0}, {-1, 0}}}};
}

std::vector<Group> while_groups(const Op& op) {
  const std::size_t carried = carried_by(op);
  const int first = int(carried);
  return {{Role::Carry, carried, 0, 0, {{0, -1}, {0, 0}}, "carried"},
          {Role::Decision, 1, -1, -1, {{-1, 0}, {}}},
          {Role::Capture, op.operands.size() - carried, first, -1, {{first, -1}, {first, -1}}}};
}

// What the op's first region gives on the operands from `first` on.
Augmented augment_first(Differentiator& ad, Builder& b, const Op& op,
                        std::span<Value* const> operands, std::size_t first) {
  Derivative d = ad.derive(op.region(), wanted_operands(ad, op, first), seeded_results(ad, op));
  std::vector<std::unique_ptr<Region>> saved;
  saved.push_back(std::move(d.reverse));
  Op& y = call(b, {operands.begin() + std::ptrdiff_t(first), operands.end()}, std::move(d.forward));
  return {y, std::move(saved)};
}

Augmented augment_call(Differentiator& ad, Builder& b, const Op& op,
                       std::span<Value* const> operands) {
  Augmented y = augment_first(ad, b, op, operands, 0);
  y.op.attrs = op.attrs;
  return y;
}

// The reverse sweep's operands: the residuals, which are y's last results, then the cotangents.
Values reverse_operands(Builder& b, const Op& y, std::size_t count, const std::vector<int>& seeds,
                        Cotangents dy) {
  Values operands;
  for (std::size_t i = y.results.size() - (count - seeds.size()); i < y.results.size(); ++i) {
    operands.push_back(y.result(i));
  }
  for (const int seed : seeds) {
    Value* d = dy[std::size_t(seed)];
    operands.push_back(d ? d : zeros(b, y.result(std::size_t(seed))->type));
  }
  return operands;
}

// A reverse region's last result, where solves inside told the error of what they make.
void report_inner_error(Differentiator& ad, Builder& b, const Op& reverse, std::size_t cotangents) {
  if (reverse.results.size() > cotangents) ad.report_error(b, reverse.result(cotangents));
}

Values reverse_call(Differentiator& ad, Builder& b, const Op& y, Saved saved, Cotangents dy) {
  const std::vector<int> wrt = wanted_operands(ad, y, 0);
  const Region& sweep = *saved[0];
  const Values operands = reverse_operands(b, y, sweep.args.size(), seeded_results(ad, y), dy);
  const Op& reverse = call(b, operands, clone(sweep), y.attrs.get_or<std::string>("name", ""));
  Values dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < wrt.size(); ++i) dx[std::size_t(wrt[i])] = reverse.result(i);
  report_inner_error(ad, b, reverse, wrt.size());
  return dx;
}

// A branch's forward region yields its own residuals where they belong in the union of both, and
// zeros for the other branch's.
void yield_union(Region& forward, std::size_t own, const Types& before, const Types& after) {
  Builder b(forward);
  Values residuals(forward.results.end() - std::ptrdiff_t(own), forward.results.end());
  forward.results.resize(forward.results.size() - own);
  for (const Type& type : before) forward.results.push_back(zeros(b, type));
  forward.results.insert(forward.results.end(), residuals.begin(), residuals.end());
  for (const Type& type : after) forward.results.push_back(zeros(b, type));
}

// A branch's reverse region over the union: it ignores the other branch's residuals.
std::unique_ptr<Region> take_union(const Region& reverse, std::size_t own, const Types& before,
                                   const Types& after) {
  auto region = std::make_unique<Region>();
  Values arguments;
  const auto ignore = [&region](const Types& types) {
    for (const Type& type : types) region->add_arg(type);
  };
  const auto take = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      arguments.push_back(region->add_arg(reverse.arg(i)->type, reverse.arg(i)->name));
    }
  };
  ignore(before);
  take(0, own);
  ignore(after);
  take(own, reverse.args.size());
  region->results = Builder(*region).inline_region(reverse, arguments);
  return region;
}

Types residual_types(const Derivative& d) {
  Types types;
  for (std::size_t i = 0; i < d.residuals; ++i) types.push_back(d.reverse->arg(i)->type);
  return types;
}

// Both branches tell an error where one does; the other's is 0.
void even_estimates(Derivative& yes, Derivative& no) {
  if (yes.estimate == no.estimate) return;
  const Region& telling = *(yes.estimate ? yes : no).reverse;
  Region& silent = *(yes.estimate ? no : yes).reverse;
  Builder b(silent);
  silent.results.push_back(zeros(b, telling.results.back()->type));
}

Augmented augment_cond(Differentiator& ad, Builder& b, const Op& op,
                       std::span<Value* const> operands) {
  if (is_shortcut(op)) return augment_first(ad, b, op, operands, 1);
  const std::vector<int> wrt = wanted_operands(ad, op, 1), seeds = seeded_results(ad, op);
  Derivative yes = ad.derive(op.region(0), wrt, seeds), no = ad.derive(op.region(1), wrt, seeds);
  even_estimates(yes, no);
  const Types yes_types = residual_types(yes), no_types = residual_types(no);
  yield_union(*yes.forward, yes.residuals, {}, no_types);
  yield_union(*no.forward, no.residuals, yes_types, {});
  std::vector<std::unique_ptr<Region>> saved;
  saved.push_back(take_union(*yes.reverse, yes.residuals, {}, no_types));
  saved.push_back(take_union(*no.reverse, no.residuals, yes_types, {}));
  Op& y = cond(b, operands[0], {operands.begin() + 1, operands.end()}, std::move(yes.forward),
               std::move(no.forward));
  y.attrs = op.attrs;
  return {y, std::move(saved)};
}

Values reverse_cond(Differentiator& ad, Builder& b, const Op& y, Saved saved, Cotangents dy) {
  const std::vector<int> wrt = wanted_operands(ad, y, 1);
  const std::size_t count = saved[0]->args.size();
  const Values operands = reverse_operands(b, y, count, seeded_results(ad, y), dy);
  const Op& reverse = cond(b, y.operands[0], operands, clone(*saved[0]), clone(*saved[1]));
  Values dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < wrt.size(); ++i) dx[std::size_t(wrt[i]) + 1] = reverse.result(i);
  report_inner_error(ad, b, reverse, wrt.size());
  return dx;
}

}  // namespace

// f's results on the operands; `name` says what part of the model it is.
constexpr Primitive call_p = complete({
    .name = "call",
    .form = Form::Control,
    .type = call_type,
    .eval = [](const Op& op, Data x,
               Interpreter& interpreter) { return run_called(op, op.region(), x, interpreter); },
    .gradient = {.augment = augment_call, .reverse = reverse_call, .push = push_call},
    .groups = call_groups,
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *y = sample_arg(b, real);
          auto f = region_like({x, y});
          Builder inner(*f);
          Value* product = mul(inner, tanh(inner, f->arg(0)), f->arg(1));
          f->results = {product, sin(inner, product)};
          const Op& op = call(b, {x, y}, std::move(f), "block");
          b.region().results = {op.result(0), op.result(1)};
        },
});

// while test(all): carries = body(all). Both regions take every operand, the `carried` carries
// first; the rest are captures, the same in every turn. Results: the carries. `tape_bytes`: what
// its derivative in reverse may keep, where that is capped (loop_checkpoints.h).
constexpr Primitive while_p = complete({
    .name = "while",
    .form = Form::Control,
    .type = while_type,
    .eval = eval_while,
    .gradient = {.augment = augment_while, .reverse = reverse_while, .push = push_while},
    .groups = while_groups,
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *rate = sample_arg(b, real);
          const Values operands{integer(b, Dtype::I32, 0), x, rate};
          auto test = region_like(operands), body = region_like(operands);
          Builder t(*test), s(*body);
          test->results = {lt(t, test->arg(0), integer(t, Dtype::I32, 3))};
          body->results = {add(s, body->arg(0), integer(s, Dtype::I32, 1)),
                           tanh(s, mul(s, body->arg(1), body->arg(2)))};
          const Op& loop = while_loop(b, operands, 2, std::move(test), std::move(body));
          b.region().results = {loop.result(0), loop.result(1)};
        },
});

// The first region's results on the captures (operands 1 ...) where the condition holds, else the
// second's. Only the one taken runs.
constexpr Primitive cond_p = complete({
    .name = "cond",
    .form = Form::Control,
    .type = cond_type,
    .eval =
        [](const Op& op, Data x, Interpreter& interpreter) {
          const bool holds = x[0].array.integer() != 0;
          return interpreter.run(op.region(holds ? 0 : 1), x.subspan(1));
        },
    .gradient = {.augment = augment_cond, .reverse = reverse_cond, .push = push_cond},
    .groups = cond_groups,
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *y = sample_arg(b, real);
          Value* level = sample_arg(b, real, {});
          Values& results = b.region().results;
          for (const bool flip : {false, true}) {
            auto yes = region_like({x, y}), no = region_like({x, y});
            Builder t(*yes), f(*no);
            yes->results = {mul(t, exp(t, yes->arg(0)), yes->arg(1))};
            no->results = {sin(f, no->arg(0))};
            Value* pred = gt(b, level, scalar(b, real, 0));
            if (flip) pred = logical_not(b, pred);
            results.push_back(cond(b, pred, {x, y}, std::move(yes), std::move(no)).result());
          }
        },
});

}  // namespace nodec
