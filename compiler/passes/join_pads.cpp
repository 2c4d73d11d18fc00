// Finds the roots of such sums from the last op back, then rewrites them in one sweep.
#include "compiler/passes/join_pads.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

// Fewer are as soon added.
constexpr std::size_t kFewest = 4;

bool is(const Value* v, const Primitive& primitive) {
  return v->op != nullptr && v->op->primitive == &primitive;
}

std::map<const Value*, int> uses_in(const Region& region) {
  std::map<const Value*, int> uses;
  for (const auto& op : region.ops) {
    for (const Value* x : op->operands) ++uses[x];
  }
  for (const Value* x : region.results) ++uses[x];
  return uses;
}

struct Part {
  std::int64_t begin, size;
  Value* value;
};

std::optional<Part> part_of(const Op& pad, std::int64_t axis) {
  const Dim before = pad.attrs.get<Shape>("before")[0];
  const Dim size = pad.operands[0]->type.shape()[std::size_t(axis)];
  if (pad.attrs.get<std::int64_t>("axis") != axis) return std::nullopt;
  if (!before.is_constant() || !size.is_constant()) return std::nullopt;
  return Part{before.constant(), size.constant(), pad.operands[0]};
}

// A tree of additions that nothing else uses, with pads as leaves.
class Sum {
 public:
  Sum(const Value* root, const std::map<const Value*, int>& uses) {
    std::vector<const Value*> open{root};
    while (!open.empty() && fits_) {
      const Value* v = open.back();
      open.pop_back();
      if (is(v, add_p) && (v == root || uses.at(v) == 1)) {
        inner.insert(v);
        for (const Value* x : v->op->operands) open.push_back(x);
      } else {
        fits_ = is(v, pad_p) && add_leaf(*v->op);
      }
    }
  }

  // Enough parts, and none over another.
  bool joins() {
    if (!fits_ || parts.size() < kFewest) return false;
    std::sort(parts.begin(), parts.end(),
              [](const Part& a, const Part& b) { return a.begin < b.begin; });
    const auto overlap = [](const Part& a, const Part& b) { return a.begin + a.size > b.begin; };
    return std::adjacent_find(parts.begin(), parts.end(), overlap) == parts.end();
  }

  std::set<const Value*> inner;
  std::vector<Part> parts;
  std::int64_t axis = -1;

 private:
  bool add_leaf(const Op& pad) {
    if (axis < 0) axis = pad.attrs.get<std::int64_t>("axis");
    const auto part = part_of(pad, axis);
    if (part) parts.push_back(*part);
    return part.has_value();
  }

  bool fits_ = true;
};

Value* joined(Builder& b, const Sum& sum, const Type& type) {
  const auto axis = std::size_t(sum.axis);
  std::vector<Value*> pieces;
  std::int64_t end = 0;
  const auto fill = [&](std::int64_t until) {
    if (until == end) return;
    Shape shape = type.shape();
    shape[axis] = until - end;
    pieces.push_back(zeros(b, Type::tensor(type.dtype(), shape)));
  };
  for (const Part& part : sum.parts) {
    fill(part.begin);
    pieces.push_back(part.value);
    end = part.begin + part.size;
  }
  fill(type.shape()[axis].constant());
  return add(b, concat(b, std::move(pieces), sum.axis), zeros(b, type));
}

bool join_in(Region& region) {
  bool changed = false;
  const auto uses = uses_in(region);
  std::map<const Op*, Sum> roots;
  std::set<const Value*> inner;
  for (std::size_t i = region.ops.size(); i-- > 0;) {
    const Op& op = *region.ops[i];
    if (op.primitive != &add_p || inner.contains(op.result())) continue;
    Sum sum(op.result(), uses);
    inner.insert(sum.inner.begin(), sum.inner.end());
    const bool known =
        sum.axis >= 0 && op.result()->type.shape()[std::size_t(sum.axis)].is_constant();
    if (known && sum.joins()) roots.emplace(&op, std::move(sum));
  }
  changed |= rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) changed |= join_in(*nested);
    const auto found = roots.find(&op);
    if (found == roots.end()) return std::nullopt;
    return std::vector<Value*>{joined(b, found->second, op.result()->type)};
  });
  return changed;
}

}  // namespace

bool join_pads(Graph& graph) { return join_in(graph.body); }

}  // namespace nodec
