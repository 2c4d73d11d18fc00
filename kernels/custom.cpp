// custom_vjp and custom_jvp: a function whose derivative is the user's own rule.
//
//   operands  arguments..., captures..., then one for each further argument of the rule: of its
//             type, and not read
//   regions   f (arguments..., captures...) -> results
//             the rule (arguments..., further..., captures...)
//               custom_vjp: further = results..., their cotangents...; yields a cotangent for each
//                           float argument
//               custom_jvp: further = a tangent for each float argument; yields one for each result
//   attrs     arguments: how many
//
// The reverse of custom_jvp is its rule transposed: with dy = J dx given as a program, J^T dybar is
// the gradient of <dybar, J dx> in dx, whatever dx is; a rule that is not linear in dx is refused
// there, and so is one of custom_vjp where forward mode transposes it. What f captures has no
// derivative by either rule, and is refused where one is asked for. Compiled, the function is f.
#include "kernels/build.h"
#include "kernels/regions.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

bool real(const Type& type) { return type.is_tensor() && is_float(type.dtype()); }

struct View {
  const Op& op;
  std::size_t arguments;

  explicit View(const Op& the_op)
      : op(the_op), arguments(std::size_t(attribute<std::int64_t>(op, "arguments"))) {
    require_regions(op, 2, 2);
    require_operands(op, f().args.size());
    if (arguments > f().args.size()) {
      fail(op, fmt::format("gives its function {} of {}", arguments,
                           count_of(f().args.size(), "argument")));
    }
    if (rule().args.size() != op.operands.size()) {
      fail(op, fmt::format("has {} for a rule of {}", count_of(op.operands.size(), "operand"),
                           count_of(rule().args.size(), "argument")));
    }
  }
  const Region& f() const { return op.region(0); }
  const Region& rule() const { return op.region(1); }
  std::vector<std::size_t> real_arguments() const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < arguments; ++i) {
      if (real(f().arg(i)->type)) all.push_back(i);
    }
    return all;
  }
  // The rule's arguments in order, with these for the further ones.
  Values with(const Values& further) const {
    const auto captures = op.operands.begin() + long(arguments);
    Values all(op.operands.begin(), captures);
    all.insert(all.end(), further.begin(), further.end());
    all.insert(all.end(), captures, op.operands.begin() + long(f().args.size()));
    return all;
  }
  Values given() const {
    return {op.operands.begin(), op.operands.begin() + long(f().args.size())};
  }
};

void require_yields(const Op& op, const Region& rule, const Types& wanted, std::string_view what) {
  if (result_types(rule) == wanted) return;
  fail(op,
       fmt::format("wants a rule that gives {} of {}, got {}", what, list_of(wanted),
                   list_of(result_types(rule))),
       "give one for each, of its type");
}

Types custom_type(const Op& op, bool forward) {
  const View view(op);
  const Types results = result_types(view.f());
  for (const Type& type : results) {
    if (!real(type)) fail(op, fmt::format("wants a function of floats, got {}", type.str()));
  }
  Types arguments, wanted;
  for (const auto& arg : view.f().args) wanted.push_back(arg->type);
  for (const std::size_t i : view.real_arguments()) arguments.push_back(wanted[i]);
  Types further = forward ? arguments : results;
  if (!forward) further.insert(further.end(), results.begin(), results.end());
  wanted.insert(wanted.end(), further.begin(), further.end());
  if (wanted.size() != op.operands.size()) {
    fail(op,
         fmt::format("wants {}, got {}", count_of(wanted.size(), "operand"), op.operands.size()));
  }
  require_types(op, op.operands, wanted);
  Types taken;
  for (std::size_t i = 0; i < view.arguments; ++i) taken.push_back(wanted[i]);
  taken.insert(taken.end(), further.begin(), further.end());
  for (std::size_t i = view.arguments; i < view.f().args.size(); ++i) taken.push_back(wanted[i]);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const Type& type = view.rule().arg(i)->type;
    if (type == taken[i]) continue;
    fail(op, fmt::format("gives argument {} of its rule, which is {}, {}", i, type.str(),
                         taken[i].str()));
  }
  require_yields(op, view.rule(), forward ? results : arguments,
                 forward ? "tangents" : "cotangents");
  return results;
}

[[noreturn]] void refuse_capture(const View& view, std::size_t i) {
  const Op& op = view.op;
  const std::string& inside = view.f().arg(i)->name;
  const std::string& name = inside.empty() ? op.operands[i]->name : inside;
  std::vector<Note> notes;
  if (op.where.known()) notes.push_back({op.where, ""});
  throw Error(fmt::format("'{}' reads {} from outside, and its rule gives no derivative by it",
                          op.name(), name.empty() ? "a value" : fmt::format("'{}'", name)),
              std::move(notes),
              "make it an argument of the function, or hold it constant with stop_gradient");
}

Op& again(Builder& b, const Op& op, std::span<Value* const> operands) {
  std::vector<std::unique_ptr<Region>> regions;
  for (const auto& region : op.regions) regions.push_back(clone(*region));
  return b.op(*op.primitive, {operands.begin(), operands.end()}, op.attrs, std::move(regions));
}

Augmented augment_custom(Differentiator& ad, Builder& b, const Op& op,
                         std::span<Value* const> operands) {
  const View view(op);
  for (std::size_t i = view.arguments; i < view.f().args.size(); ++i) {
    if (ad.wanted(op, i)) refuse_capture(view, i);
  }
  return again(b, op, operands);
}

Values spread(const View& view, const Values& cotangents) {
  Values dx(view.op.operands.size(), nullptr);
  std::size_t next = 0;
  for (const std::size_t i : view.real_arguments()) dx[i] = cotangents[next++];
  return dx;
}

Values seeds_of(Builder& b, const Op& y, Cotangents dy) {
  Values seeds;
  for (std::size_t i = 0; i < y.results.size(); ++i) {
    seeds.push_back(dy[i] ? dy[i] : zeros(b, y.result(i)->type));
  }
  return seeds;
}

Values reverse_by_vjp(Differentiator&, Builder& b, const Op& y, Saved, Cotangents dy) {
  const View view(y);
  Values further = y.all_results();
  const Values seeds = seeds_of(b, y, dy);
  further.insert(further.end(), seeds.begin(), seeds.end());
  return spread(view, b.inline_region(view.rule(), view.with(further)));
}

Values reverse_by_jvp(Differentiator&, Builder& b, const Op& y, Saved, Cotangents dy) {
  const View view(y);
  Values tangents;
  Axes wrt, seeds;
  for (const std::size_t i : view.real_arguments()) {
    wrt.push_back(std::int64_t(view.arguments + tangents.size()));
    tangents.push_back(zeros(b, y.operands[i]->type));
  }
  for (std::size_t i = 0; i < y.results.size(); ++i) seeds.push_back(std::int64_t(i));
  Values operands = view.with(tangents);
  const Values given = seeds_of(b, y, dy);
  operands.insert(operands.end(), given.begin(), given.end());
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(view.rule()));
  const Op& transposed =
      b.op(vjp_p, std::move(operands), {{"linear", "tangents"}, {"seeds", seeds}, {"wrt", wrt}},
           std::move(regions));
  Values cotangents;
  for (std::size_t i = y.results.size(); i < transposed.results.size(); ++i) {
    cotangents.push_back(transposed.result(i));
  }
  return spread(view, cotangents);
}

// The tangents of the float arguments.
Values tangents_of(Builder& b, const View& view, std::span<Value* const> tangents) {
  for (std::size_t i = view.arguments; i < view.f().args.size(); ++i) {
    if (tangents[i] != nullptr) refuse_capture(view, i);
  }
  Values all;
  for (const std::size_t i : view.real_arguments()) {
    all.push_back(tangents[i] != nullptr ? tangents[i] : zeros(b, view.f().arg(i)->type));
  }
  return all;
}

Pushed push_by_jvp(ForwardDifferentiator&, Builder& b, const Op& op,
                   std::span<Value* const> operands, std::span<Value* const> tangents) {
  const Op& y = again(b, op, operands);
  const View view(y);
  Pushed out;
  out.results = y.all_results();
  out.tangents = b.inline_region(view.rule(), view.with(tangents_of(b, view, tangents)));
  return out;
}

// The rule gives J^T dybar, as a program that is linear in dybar: its gradient in that is J dx.
Pushed push_by_vjp(ForwardDifferentiator&, Builder& b, const Op& op,
                   std::span<Value* const> operands, std::span<Value* const> tangents) {
  const Op& y = again(b, op, operands);
  const View view(y);
  Pushed out;
  Values further;
  Axes wrt, seeds;
  out.results = y.all_results();
  further = out.results;
  for (const auto& result : y.results) {
    wrt.push_back(std::int64_t(view.arguments + further.size()));
    further.push_back(zeros(b, result->type));
  }
  Values all = view.with(further);
  for (Value* dx : tangents_of(b, view, tangents)) {
    seeds.push_back(std::int64_t(seeds.size()));
    all.push_back(dx);
  }
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(view.rule()));
  const std::size_t yielded = seeds.size();
  const Op& transposed =
      b.op(vjp_p, std::move(all), {{"linear", "cotangents"}, {"seeds", seeds}, {"wrt", wrt}},
           std::move(regions));
  for (std::size_t i = yielded; i < transposed.results.size(); ++i) {
    out.tangents.push_back(transposed.result(i));
  }
  return out;
}

std::vector<Datum> eval_custom(const Op& op, Data x, Interpreter& interpreter) {
  return interpreter.run(op.region(0), x.subspan(0, op.region(0).args.size()));
}

std::vector<Group> custom_groups(const Op& op) {
  const View view(op);
  const std::size_t given = view.f().args.size(), captures = given - view.arguments;
  const std::size_t further = op.operands.size() - given;
  const int first = int(view.arguments), of_rule = int(view.arguments + further);
  return {
      {Role::Capture, view.arguments, 0, -1, {{0, -1}, {0, -1}}, "arguments", {}, view.arguments},
      {Role::Capture, captures, first, -1, {{first, -1}, {of_rule, -1}}},
      {Role::Capture, further, int(given), -1, {{}, {first, -1}}, {}, {}, further},
      {Role::Result, op.results.size(), -1, 0, {{-1, 0}, {}}, {}, {}, op.results.size()},
      {Role::Decision, view.rule().results.size(), -1, -1, {{}, {-1, 0}}}};
}

Values expand_custom(Builder& b, const Op& op) {
  const View view(op);
  return b.inline_region(view.f(), view.given());
}

// y = sin(x c) for a captured c, with its right derivative.
void sample_custom(Builder& b, Dtype dtype, bool forward) {
  Value *x = sample_arg(b, dtype), *c = splat(b, x, 1.5);
  Values operands{x, c, zeros(b, x->type)};
  if (!forward) operands.push_back(zeros(b, x->type));
  auto f = region_like({x, c});
  Builder inner(*f);
  f->results = {sin(inner, mul(inner, f->arg(0), f->arg(1)))};
  auto rule = std::make_unique<Region>();
  Value* at = rule->add_arg(x->type, "x");
  if (!forward) rule->add_arg(x->type, "y");
  Value* d = rule->add_arg(x->type, "d");
  Value* factor = rule->add_arg(c->type, "c");
  Builder in(*rule);
  rule->results = {mul(in, d, mul(in, factor, cos(in, mul(in, at, factor))))};
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(f));
  regions.push_back(std::move(rule));
  const Op& op = b.op(forward ? custom_jvp_p : custom_vjp_p, std::move(operands),
                      {{"arguments", std::int64_t(1)}}, std::move(regions));
  b.region().results = {op.result()};
}

}  // namespace

constexpr Primitive custom_vjp_p = complete({
    .name = "custom_vjp",
    .form = Form::Rewrite,
    .type = [](const Op& op) { return custom_type(op, false); },
    .eval = eval_custom,
    .gradient = {.augment = augment_custom, .reverse = reverse_by_vjp, .push = push_by_vjp},
    .groups = custom_groups,
    .expand = expand_custom,
    .sample = [](Builder& b, Dtype dtype) { sample_custom(b, dtype, false); },
});

constexpr Primitive custom_jvp_p = complete({
    .name = "custom_jvp",
    .form = Form::Rewrite,
    .type = [](const Op& op) { return custom_type(op, true); },
    .eval = eval_custom,
    .gradient = {.augment = augment_custom, .reverse = reverse_by_jvp, .push = push_by_jvp},
    .groups = custom_groups,
    .expand = expand_custom,
    .sample = [](Builder& b, Dtype dtype) { sample_custom(b, dtype, true); },
});

}  // namespace nodec
