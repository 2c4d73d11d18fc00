// Accumulation of cotangents in reversed recorded order.
#include "compiler/ad/backward.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "compiler/ad/refuse.h"
#include "ir/builder.h"
#include "ir/print.h"
#include "ir/rewrite.h"
#include "kernels/build.h"

namespace nodec {
namespace {

class Backward {
 public:
  Backward(Differentiator& ad, Recording& recording)
      : ad_(ad), recording_(recording), b_(*recording.region) {}

  void run() {
    for (std::size_t i = 0; i < recording_.seeds.size(); ++i) {
      add_to(recording_.seeds[i], recording_.seed_cotangents[i]);
    }
    for (auto entry = recording_.entries.rbegin(); entry != recording_.entries.rend(); ++entry) {
      pull_back(*entry->op, entry->saved);
    }
    for (const Value* x : recording_.wrt) {
      Value* dx = cotangent(x);
      recording_.region->results.push_back(dx != nullptr ? dx : zeros(b_, x->type));
    }
    if (recording_.estimate != nullptr) recording_.region->results.push_back(recording_.estimate);
  }

 private:
  Value* cotangent(const Value* value) const {
    const auto found = cotangents_.find(value);
    return found == cotangents_.end() ? nullptr : found->second;
  }

  void add_to(const Value* value, Value* dy) {
    NODEC_CHECK(dy->type == value->type, "the cotangent of '{}' is {}, its value {}", value->name,
                dy->type.str(), value->type.str());
    Value*& sum = cotangents_[value];
    sum = sum == nullptr ? dy : add(b_, sum, dy);
  }

  void pull_back(const Op& y, Saved saved) {
    std::vector<Value*> dy;
    for (const auto& result : y.results) dy.push_back(cotangent(result.get()));
    if (std::all_of(dy.begin(), dy.end(), [](Value* d) { return d == nullptr; })) return;
    const Gradient& gradient = y.primitive->gradient;
    if (gradient.rule == nullptr && gradient.reverse == nullptr) refuse_derivative(y);
    b_.at(y.where);
    const std::size_t written = b_.region().ops.size();
    const std::vector<Value*> dx = gradient.rule != nullptr
                                       ? gradient.rule(b_, y, dy)
                                       : gradient.reverse(ad_, b_, y, saved, dy);
    if (gradient.rule != nullptr && may_meet(y)) strengthen(b_.region(), written, dy);
    NODEC_CHECK(dx.size() == y.operands.size(), "{} cotangents for the operands of {}", dx.size(),
                print(y));
    for (std::size_t i = 0; i < dx.size(); ++i) {
      if (dx[i] != nullptr && recording_.varied.contains(y.operands[i]))
        add_to(y.operands[i], dx[i]);
    }
  }

  // Whether a cotangent and a slope of which one is 0 and the other not finite can meet in y's
  // rule: the slope of any op at a wild operand, or a product's operand of 0 and a steep result, as
  // in sqrt(sum(x * x)) at 0. Elsewhere infinity times a slope of 0 is left to be NaN.
  bool may_meet(const Op& y) const {
    const bool product = y.primitive == &mul_p || y.primitive == &fma_p;
    return (product && recording_.steep.contains(y.result())) ||
           std::any_of(y.operands.begin(), y.operands.end(),
                       [&](const Value* x) { return recording_.wild.contains(x); });
  }

  Differentiator& ad_;
  Recording& recording_;
  Builder b_;
  std::unordered_map<const Value*, Value*> cotangents_;
};

}  // namespace

void backward(Differentiator& ad, Recording& recording) {
  Region& region = *recording.region;
  std::unordered_set<const Op*> forward;
  for (const auto& op : region.ops) forward.insert(op.get());
  Backward(ad, recording).run();
  drop_unused(region);
  recording.entries.clear();  // their ops may be gone
  recording.forward_ops =
      std::size_t(std::count_if(region.ops.begin(), region.ops.end(),
                                [&](const auto& op) { return forward.contains(op.get()); }));
}

}  // namespace nodec
