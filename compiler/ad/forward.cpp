// The walk, the general rules, and the expansion before it.
#include "compiler/ad/forward.h"

#include <algorithm>

#include "compiler/ad/recording.h"
#include "compiler/ad/refuse.h"
#include "compiler/ad/rule_region.h"
#include "compiler/ad/tangents.h"
#include "compiler/ad/value_set.h"
#include "ir/print.h"
#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/solve/push_solve.h"

namespace nodec {
namespace {

bool is_expanded(const Op& op) {
  const Gradient& gradient = op.primitive->gradient;
  return !has_push(gradient, op) && !gradient.rule && op.primitive->expand;
}

// What a solver's loops carry is finite, or the solve ends.
void mark_finite(const Region& region, std::size_t from) {
  for (std::size_t i = from; i < region.ops.size(); ++i) {
    Op& op = *region.ops[i];
    if (op.primitive == &while_p) op.attrs.set("finite", true);
    for (const auto& nested : op.regions) mark_finite(*nested, 0);
  }
}

bool expand_moved(Region& region, const Tangents& tangents) {
  bool expanded = rewrite(region, [&](Builder& b, Op& op) -> std::optional<Values> {
    if (!is_expanded(op) || !tangents.any(op.operands)) return std::nullopt;
    const std::size_t written = b.region().ops.size();
    Values results = op.primitive->expand(b, op);
    mark_finite(b.region(), written);
    const bool ends = op.primitive == &solve_p && tangents.any({op.operands[0], op.operands[1]});
    return ends ? with_moving_ends(b, op, std::move(results)) : results;
  });
  for (const auto& op : region.ops) {
    for (const auto& nested : op->regions) expanded = expand_moved(*nested, tangents) || expanded;
  }
  return expanded;
}

// What one op has to give at most is known at once, whatever the rule.
class Forward final : public ForwardDifferentiator {
 public:
  explicit Forward(const Tangents& moved) : moved_(moved) {}

  std::optional<Type> tangent_type(const Value& value) const override { return moved_.type(value); }
  std::vector<std::size_t> tangent_parts(const Value& tape) const override {
    return moved_.parts(tape);
  }

  Pushed push(Builder& b, const Region& region, const Values& args,
              const Values& tangents) override {
    return push(b, region, args, tangents, seen_from_outside(region, wild_, {}));
  }

  Pushed push(Builder& b, const Region& region, const Values& args, const Values& tangents,
              const Unbounded& unbounded) {
    const ValueSet outside =
        std::exchange(wild_, find_wild(Spread(region, is_open), region, unbounded.wild_args));
    const SourceLine where = b.where();
    for (std::size_t i = 0; i < args.size(); ++i) bind(*region.arg(i), args[i], tangents[i]);
    for (const auto& op : region.ops) walk(b, *op);
    Pushed out;
    for (const Value* result : region.results) {
      out.results.push_back(primal_.at(result));
      out.tangents.push_back(tangents_.at(result));
    }
    b.at(where);
    wild_ = outside;
    return out;
  }

 private:
  void bind(const Value& from, Value* to, Value* tangent) {
    NODEC_CHECK(from.type == to->type, "forward mode changed '{}' from {} to {}", from.name,
                from.type.str(), to->type.str());
    const std::optional<Type> type = moved_.type(from);
    NODEC_CHECK(tangent == nullptr || tangent->type == type.value_or(Type()),
                "the tangent of '{}', a {}, is a {}", from.name, from.type.str(),
                tangent->type.str());
    if (to->name.empty()) to->name = from.name;
    primal_[&from] = to;
    tangents_[&from] = tangent;
  }

  void walk(Builder& b, const Op& op) {
    b.at(op.where);
    Values operands, tangents;
    for (const Value* operand : op.operands) {
      operands.push_back(primal_.at(operand));
      tangents.push_back(tangents_.at(operand));
    }
    const Pushed out = pushed(b, op, operands, tangents);
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      bind(*op.result(i), out.results.at(i), out.tangents.at(i));
    }
  }

  Pushed pushed(Builder& b, const Op& op, const Values& operands, const Values& tangents) {
    const bool moves = std::any_of(op.results.begin(), op.results.end(),
                                   [&](const auto& result) { return moved_.has(*result); });
    const Gradient& gradient = op.primitive->gradient;
    if (moves && has_push(gradient, op)) return gradient.push(*this, b, op, operands, tangents);
    const Op& y = copy_op(op, b.region(), primal_);
    Pushed out;
    out.results = y.all_results();
    out.tangents.assign(y.results.size(), nullptr);
    const bool still =
        std::all_of(tangents.begin(), tangents.end(), [](Value* t) { return t == nullptr; });
    if (!moves || still) return out;
    if (!gradient.rule) refuse_derivative(op);
    const std::size_t written = b.region().ops.size();
    const bool elementwise = op.primitive->form == Form::Elementwise;
    if (gradient.linear && (!elementwise || all_move(y, tangents))) {
      out.tangents = linear(b, y, tangents);
    } else if (elementwise) {
      out.tangents = {diagonal(b, y, tangents)};
    } else {
      out.tangents = transposed(b, y, tangents);
    }
    if (any_in(wild_, op.operands)) strengthen(b.region(), written, tangents);
    return out;
  }

  static bool all_move(const Op& y, const Values& tangents) {
    for (std::size_t i = 0; i < tangents.size(); ++i) {
      if (tangents[i] == nullptr && has_cotangent(y.operands[i]->type)) return false;
    }
    return true;
  }

  // The op itself on the tangents.
  static Values linear(Builder& b, const Op& y, const Values& tangents) {
    Values operands = y.operands;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (!has_cotangent(operands[i]->type)) continue;
      operands[i] = tangents[i] != nullptr ? tangents[i] : zeros(b, operands[i]->type);
    }
    return {b.value(*y.primitive, std::move(operands), y.attrs)};
  }

  // A slope for each operand: what the rule does to a cotangent it does to that operand's tangent.
  static Value* diagonal(Builder& b, const Op& y, const Values& tangents) {
    Value* sum = nullptr;
    for (std::size_t i = 0; i < tangents.size(); ++i) {
      if (tangents[i] == nullptr) continue;
      Value* share = y.primitive->gradient.rule(b, y, Values{tangents[i]}).at(i);
      if (share != nullptr) sum = sum != nullptr ? add(b, sum, share) : share;
    }
    return sum;
  }

  // The rule is linear in the cotangents, whatever they are: pulled back in them it gives J dx.
  static Values transposed(Builder& b, const Op& y, const Values& tangents) {
    RuleRegion rule = rule_region(y);
    Values operands = y.operands;
    for (const auto& result : y.results) operands.push_back(result.get());
    std::vector<std::int64_t> wrt, places;
    for (const Value* dy : rule.dy) {
      if (dy == nullptr) continue;
      wrt.push_back(std::int64_t(operands.size()));
      operands.push_back(zeros(b, dy->type));
    }
    for (std::size_t i = 0; i < rule.dx.size(); ++i) {
      if (rule.dx[i] == nullptr || tangents[i] == nullptr) continue;
      places.push_back(std::int64_t(places.size()));
      rule.region->results.push_back(rule.dx[i]);
      operands.push_back(tangents[i]);
    }
    Values out(y.results.size(), nullptr);
    if (places.empty()) return out;
    drop_unused(*rule.region);
    std::size_t next = places.size();
    std::vector<std::unique_ptr<Region>> regions;
    regions.push_back(std::move(rule.region));
    const Op& pulled =
        b.op(vjp_p, std::move(operands), {{"seeds", places}, {"wrt", wrt}}, std::move(regions));
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (rule.dy[i] != nullptr) out[i] = pulled.result(next++);
    }
    return out;
  }

  const Tangents& moved_;
  ValueSet wild_;  // of the region that is walked
  ValueMap primal_, tangents_;
};

}  // namespace

std::unique_ptr<Region> push_forward(const Region& f, const std::vector<int>& wrt,
                                     const Unbounded& unbounded) {
  const std::unique_ptr<Region> source = clone(f);
  while (expand_moved(*source, Tangents(*source, wrt))) {
  }
  const Tangents moved(*source, wrt);
  auto out = std::make_unique<Region>();
  Values args;
  for (const auto& arg : source->args) args.push_back(out->add_arg(arg->type, arg->name));
  Values tangents(args.size(), nullptr);
  for (const int i : wrt) tangents[std::size_t(i)] = out->add_arg(args[std::size_t(i)]->type);
  Builder b(*out);
  const Pushed pushed = Forward(moved).push(b, *source, args, tangents, unbounded);
  out->results = pushed.results;
  for (std::size_t i = 0; i < pushed.results.size(); ++i) {
    const Type& type = pushed.results[i]->type;
    if (!has_cotangent(type)) continue;
    out->results.push_back(pushed.tangents[i] ? pushed.tangents[i] : zeros(b, type));
  }
  drop_unused(*out);
  return out;
}

}  // namespace nodec
