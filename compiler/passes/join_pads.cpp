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

// Parts that lie beside each other.
using Layer = std::vector<Part>;

// A tree of additions that nothing else uses, with pads as leaves.
class Sum {
 public:
  Sum(const Value* root, const std::map<const Value*, int>& uses) {
    std::vector<const Value*> open{root};
    while (!open.empty() && fits_) {
      const Value* v = open.back();
      open.pop_back();
      const auto adds = [&](const Value* x) {
        return is(x, add_p) && (x == root || uses.at(x) == 1);
      };
      if (adds(v)) {
        inner.insert(v);
        const Value *a = v->op->operands[0], *b = v->op->operands[1];
        chain_ = chain_ && !(adds(a) && adds(b));
        if (adds(b)) std::swap(a, b);  // what is added last is met first
        open.push_back(a);
        open.push_back(b);
      } else {
        fits_ = is(v, pad_p) && add_leaf(*v->op);
      }
    }
  }

  // Enough parts for each layer. Elements of several parts are sums of them in the order of the
  // additions, which only a chain of them has.
  bool joins() {
    if (!fits_ || parts_.size() < kFewest) return false;
    std::reverse(parts_.begin(), parts_.end());
    find_layers();
    return parts_.size() >= kFewest * layers.size() && (chain_ || layers.size() == 1);
  }

  std::set<const Value*> inner;
  std::vector<Layer> layers;  // to be added in order
  std::int64_t axis = -1;

 private:
  bool add_leaf(const Op& pad) {
    if (axis < 0) axis = pad.attrs.get<std::int64_t>("axis");
    const auto part = part_of(pad, axis);
    if (part) parts_.push_back(*part);
    return part.has_value();
  }

  // Each part in the first layer behind those of all parts before it that it lies over.
  void find_layers() {
    std::map<std::int64_t, std::size_t> reached{{0, 0}};  // from an element on, how many layers
    for (const Part& part : parts_) {
      if (part.size == 0) continue;
      const auto split = [&](std::int64_t at) {
        return reached.emplace(at, std::prev(reached.upper_bound(at))->second).first;
      };
      const auto first = split(part.begin), last = split(part.begin + part.size);
      std::size_t layer = 0;
      for (auto at = first; at != last; ++at) layer = std::max(layer, at->second);
      reached.erase(std::next(first), last);
      first->second = layer + 1;
      layers.resize(std::max(layers.size(), layer + 1));
      layers[layer].push_back(part);
    }
    for (Layer& layer : layers) {
      std::sort(layer.begin(), layer.end(),
                [](const Part& a, const Part& b) { return a.begin < b.begin; });
    }
  }

  std::vector<Part> parts_;  // those added last first
  bool fits_ = true, chain_ = true;
};

Value* concatenated(Builder& b, const Layer& layer, std::int64_t along, const Type& type) {
  const auto axis = std::size_t(along);
  std::vector<Value*> pieces;
  std::int64_t end = 0;
  const auto fill = [&](std::int64_t until) {
    if (until == end) return;
    Shape shape = type.shape();
    shape[axis] = until - end;
    pieces.push_back(zeros(b, Type::tensor(type.dtype(), shape)));
  };
  for (const Part& part : layer) {
    fill(part.begin);
    pieces.push_back(part.value);
    end = part.begin + part.size;
  }
  fill(type.shape()[axis].constant());
  return pieces.size() == 1 ? pieces[0] : concat(b, std::move(pieces), along);
}

Value* joined(Builder& b, const Sum& sum, const Type& type) {
  Value* total = nullptr;
  for (const Layer& layer : sum.layers) {
    Value* more = concatenated(b, layer, sum.axis, type);
    total = total ? add(b, total, more) : more;
  }
  return add(b, total, zeros(b, type));
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
