// One branch for what is looked for, one fail_if for each op that it may be.
#include "kernels/solve/finite_times.h"

#include <algorithm>
#include <unordered_set>

#include "ir/rewrite.h"
#include "ir/status.h"
#include "kernels/build.h"
#include "kernels/regions.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

// 0 for finite x, NaN otherwise, a scalar.
Value* defect(Builder& b, Value* x) {
  Value* nothing = mul(b, x, zeros(b, x->type));
  return x->type.rank() > 0 ? sum(b, nothing, all_axes(x->type)) : nothing;
}

Value* not_finite(Builder& b, Value* x) { return logical_not(b, is_finite(b, defect(b, x))); }

void inline_calls(Region& region) {
  const auto open = [](Builder& b, Op& op) -> std::optional<Values> {
    if (op.primitive != &call_p) return std::nullopt;
    return b.inline_region(op.region(), op.operands);
  };
  while (rewrite(region, open)) {
  }
}

bool is_real(const Value& value) { return value.type.is_tensor() && is_float(value.type.dtype()); }

// Ops on the way from t that have a derivative of their own, but for those that only move data.
class Suspects {
 public:
  Suspects(const Region& region, const Value* t) : varied_{t} {
    for (const auto& op : region.ops) meet(*op);
  }

  const std::vector<Op*>& ops() const { return ops_; }

  // Whether the op's own derivative is not finite where the region is evaluated.
  Value* bad(Builder& b, const Op& op) const {
    auto alone = region_like(op.operands);
    ValueMap map;
    for (std::size_t i = 0; i < op.operands.size(); ++i) map[op.operands[i]] = alone->arg(i);
    alone->results = {copy_op(op, *alone, map).result()};
    Axes wrt;
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      if (varied_.contains(op.operands[i])) wrt.push_back(std::int64_t(i));
    }
    Values operands = op.operands;
    operands.push_back(splat(b, op.result(), 1));
    std::vector<std::unique_ptr<Region>> regions;
    regions.push_back(std::move(alone));
    const Op& vjp = b.op(vjp_p, operands, {{"seeds", Axes{0}}, {"wrt", wrt}}, std::move(regions));
    Value* any = nullptr;
    for (std::size_t i = 1; i < vjp.results.size(); ++i) {
      Value* one = not_finite(b, vjp.result(i));
      any = any != nullptr ? logical_or(b, any, one) : one;
    }
    return any;
  }

 private:
  void meet(Op& op) {
    const bool reached = std::any_of(op.operands.begin(), op.operands.end(),
                                     [&](const Value* v) { return varied_.contains(v); });
    if (!reached || op.primitive->gradient.rule == no_cotangents) return;
    for (const auto& result : op.results) {
      if (is_real(*result)) varied_.insert(result.get());
    }
    const bool alone = op.regions.empty() && op.results.size() == 1 && is_real(*op.result());
    if (alone && op.primitive->form != Form::View && op.primitive->form != Form::Join) {
      ops_.push_back(&op);
    }
  }

  std::unordered_set<const Value*> varied_;
  std::vector<Op*> ops_;
};

bool holds_regions(const Region& region) {
  return std::any_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
    if (op->primitive == &call_p) return holds_regions(op->region());
    return !op->regions.empty();
  });
}

// The number, from 1, of the first op whose derivative is not finite; 0 where there is none, or
// where the dynamics have loops, branches or solves. `suspects` receives the ops, with their lines.
std::unique_ptr<Region> search(const SolveView& solve, const Values& operands,
                               std::vector<Op*>& suspects) {
  auto region = region_like(operands);
  Builder b(*region);
  Value* first = integer(b, Dtype::I32, 0);
  if (!holds_regions(solve.dynamics())) {
    Values args;
    for (const auto& arg : region->args) args.push_back(arg.get());
    b.inline_region(solve.dynamics(), args);
    inline_calls(*region);
    const Suspects found(*region, region->arg(0));
    suspects = found.ops();
    for (std::size_t i = suspects.size(); i-- > 0;) {
      Value* number = integer(b, Dtype::I32, std::int64_t(i + 1));
      first = select(b, found.bad(b, *suspects[i]), number, first);
    }
  }
  region->results = {first};
  return region;
}

std::unique_ptr<Region> nothing_found(const Values& operands) {
  auto region = region_like(operands);
  Builder b(*region);
  region->results = {integer(b, Dtype::I32, 0)};
  return region;
}

Values seen_at(Value* t, const Values& states, const SolveView& solve) {
  Values operands{t};
  for (const Values& more : {states, solve.initial_cells(), solve.captures()}) {
    operands.insert(operands.end(), more.begin(), more.end());
  }
  return operands;
}

struct Found {
  Value* number = nullptr;  // of the op among `suspects`, or 0
  Value* t = nullptr;       // where it was met
  std::vector<std::pair<std::string, SourceLine>> suspects{{"", {}}};
};

// At t0 first, then at t1: a rule's two cotangents may share what is not finite.
Found look(Builder& b, const SolveView& solve, Value* bad) {
  const Values start = seen_at(solve.t0(), solve.initial_states(), solve);
  const Values end = seen_at(solve.t1(), solve.final_states(), solve);
  std::vector<Op*> suspects;
  auto region = search(solve, start, suspects);
  Found found;
  for (const Op* op : suspects) found.suspects.emplace_back(op->name(), op->where);
  auto again = clone(*region);
  Value* zero = integer(b, Dtype::I32, 0);
  Value* first = cond(b, bad, start, std::move(region), nothing_found(start)).result();
  Value* not_yet = logical_and(b, bad, eq(b, first, zero));
  Value* second = cond(b, not_yet, end, std::move(again), nothing_found(end)).result();
  Value* at_start = ne(b, first, zero);
  found.number = select(b, at_start, first, second);
  found.t = select(b, at_start, solve.t0(), solve.t1());
  return found;
}

}  // namespace

void require_finite_times(const Differentiator& ad, Builder& b, const SolveView& solve,
                          std::span<Value* const> dx) {
  const auto bad_at = [&](std::size_t operand) -> Value* {
    const bool asked = ad.wanted(solve.op(), operand) && dx[operand] != nullptr;
    return asked ? logical_not(b, is_finite(b, dx[operand])) : nullptr;
  };
  Value *start = bad_at(0), *end = bad_at(1);
  if (start == nullptr && end == nullptr) return;
  Value* bad = start == nullptr ? end : end == nullptr ? start : logical_or(b, start, end);
  const Found found = look(b, solve, bad);
  const SourceLine here = b.where();
  Value* code = integer(b, Dtype::I32, std::int64_t(Status::TimeGradient));
  for (std::size_t i = 0; i < found.suspects.size(); ++i) {
    const auto& [name, line] = found.suspects[i];
    Value* is_it = eq(b, found.number, integer(b, Dtype::I32, std::int64_t(i)));
    Value* fine = integer(b, Dtype::I32, std::int64_t(Status::Success));
    Value* status = select(b, logical_and(b, bad, is_it), code, fine);
    Attrs attrs;
    if (i > 0) attrs.set("op", name);
    b.at(i > 0 ? line : here);
    b.op(fail_if_p, {status, found.t, solve.dt(), solve.accepted(), solve.rejected()},
         std::move(attrs));
  }
  b.at(here);
}

}  // namespace nodec
