// Building a loop per sample, and knowing one again.
#include "kernels/sample_loop.h"

#include <algorithm>

#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/identities.h"
#include "kernels/loop_reverse.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

Value* any(Builder& b, Value* on) {
  return gt(b, max_over(b, cast(b, on, Dtype::I32), {0}), integer(b, Dtype::I32, 0));
}

// What `any` was made of; null: the value is none.
const Value* asked_by(const Value* value) {
  const Op* more = made_by(value, gt_p);
  const Op* most = more != nullptr ? made_by(more->operands[0], max_over_p) : nullptr;
  const Op* number = most != nullptr ? made_by(most->operands[0], cast_p) : nullptr;
  if (number == nullptr || !number->operands[0]->type.is_tensor()) return nullptr;
  const std::optional<Uniform> bound = uniform(more->operands[1]);
  const Value* on = number->operands[0];
  return bound && bound->is(0) && is_for_each_sample(on->type) ? on : nullptr;
}

bool is_spread(const Value* value, const Value* of) {
  while (const Op* spread = made_by(value, broadcast_p)) value = spread->operands[0];
  return value == of;
}

// Whether `next` is `now` wherever `on` is false.
bool keeps(const Value* next, const Value* now, const Value* on) {
  if (next == now) return true;
  if (const Op* both = made_by(next, logical_and_p); both != nullptr && now == on) {
    return both->operands[0] == on || both->operands[1] == on;
  }
  const Op* choice = made_by(next, select_p);
  return choice != nullptr && choice->operands[2] == now && is_spread(choice->operands[0], on);
}

std::string spelled(const Value& carry, std::size_t i) {
  if (!carry.name.empty()) return described(carry);
  return fmt::format("value {} {}", i, carry.type.str());
}

bool has_samples(const Type& type, const Dim& samples) {
  return type.is_tensor() && type.rank() > 0 && type.shape().back() == samples;
}

void require_samples(const Builder& b, const std::vector<Value*>& carries, const Dim& samples) {
  std::string without;
  std::vector<Note> notes{{b.where(), ""}};
  for (std::size_t i = 0; i < carries.size(); ++i) {
    const Value& carry = *carries[i];
    if (has_samples(carry.type, samples)) continue;
    without += fmt::format("{}{}", without.empty() ? "" : ", ", spelled(carry, i));
    if (carry.op != nullptr) notes.push_back({carry.op->where, spelled(carry, i) + " starts here"});
  }
  if (without.empty()) return;
  throw Error(fmt::format("a loop with a condition for each sample wants carries with the samples "
                          "as their last axis, {}, got {}",
                          samples.str(), without),
              std::move(notes),
              fmt::format("start with a number for each: broadcast_to(x, {{\"{}\"}}, {{}})",
                          samples.str()));
}

void require_apart(const Builder& b, const Region& region, const Dim& samples) {
  if (const Op* op = first_meeting(region, samples.str())) {
    throw Error(fmt::format("a loop with a condition for each sample runs each of them alone, but "
                            "'{}' in it is about all along {}",
                            op->name(), samples.str()),
                {{op->where, "here"}, {b.where(), "the loop"}},
                "take it out of the loop, or end the test in one condition for all; for a "
                "derivative of each sample use jvp or vjp");
  }
}

// The carry's next value: what it was where the sample does not go on. A type that changes is for
// inference to report.
Value* kept(Builder& b, Value* on, Value* next, Value* now) {
  if (next == now || !identical(next->type, now->type)) return next;
  const auto last = std::int64_t(now->type.rank()) - 1;
  return select(b, broadcast_to(b, on, now->type.shape(), {last}), next, now);
}

void keep_finished(const SampleLoop& loop, const SourceLine& where) {
  Region& body = *loop.body;
  Builder b(body);
  b.at(where);
  Value* on = body.arg(loop.on);
  Values tested;
  for (std::size_t i = 0; i < body.results.size(); ++i) {
    Value* now = body.arg(i < loop.on ? i : i + 1);
    body.results[i] = kept(b, on, body.results[i], now);
    tested.push_back(identical(body.results[i]->type, now->type) ? body.results[i] : now);
  }
  for (std::size_t i = tested.size() + 1; i < body.args.size(); ++i) tested.push_back(body.arg(i));
  Value* goes_on = logical_and(b, on, b.inline_region(*loop.test, tested).at(0));
  body.results.insert(body.results.begin() + std::ptrdiff_t(loop.on), goes_on);
}

}  // namespace

bool is_for_each_sample(const Type& condition) {
  if (!condition.is_tensor() || condition.dtype() != Dtype::Bool || condition.rank() != 1) {
    return false;
  }
  const Dim& size = condition.shape()[0];
  const std::vector<std::string> symbols = size.symbols();
  return symbols.size() == 1 && size == Dim::symbol(symbols[0]);
}

Op& while_samples(Builder& b, SampleLoop loop, Value* among, Attrs attrs) {
  const Dim samples = loop.test->results.at(0)->type.shape()[0];
  require_samples(b, loop.carries, samples);
  require_apart(b, *loop.test, samples);
  require_apart(b, *loop.body, samples);
  Value* on = b.inline_region(*loop.test, joined(loop.carries, loop.captures)).at(0);
  if (among != nullptr && among->type == on->type) on = logical_and(b, on, among);
  keep_finished(loop, b.where());
  Values operands = joined(loop.carries, loop.captures);
  operands.insert(operands.begin() + std::ptrdiff_t(loop.on), on);
  auto test = std::make_unique<Region>();
  for (const auto& arg : loop.body->args) test->add_arg(arg->type, arg->name);
  Builder in_test(*test);
  in_test.at(b.where());
  test->results = {any(in_test, test->arg(loop.on))};
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(test));
  regions.push_back(std::move(loop.body));
  attrs.set("carried", std::int64_t(loop.carries.size() + 1));
  return b.op(while_p, std::move(operands), std::move(attrs), std::move(regions));
}

std::optional<std::size_t> carry_of_samples(const Op& loop) {
  const Region &test = loop.region(0), &body = loop.region(1);
  const Value* on = asked_by(test.results.at(0));
  for (std::size_t k = 0; on != nullptr && k < carried_by(loop); ++k) {
    if (on != test.arg(k)) continue;
    for (std::size_t i = 0; i < carried_by(loop); ++i) {
      if (!keeps(body.results[i], body.arg(i), body.arg(k))) return std::nullopt;
    }
    return k;
  }
  return std::nullopt;
}

}  // namespace nodec
