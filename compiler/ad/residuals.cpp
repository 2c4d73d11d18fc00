// Residual selection, then the cut itself: forward ops stay, reverse ops move to a region of their
// own behind copies of what is computed again.
#include "compiler/ad/residuals.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "ir/rewrite.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

enum class Again : std::uint8_t { Never, IfAvailable, Always };

bool widens(const Op& op) {
  return op.primitive == &cast_p &&
         bytes(op.operands[0]->type.dtype()) <= bytes(op.result()->type.dtype());
}

Again again(const Value* value) {
  const Op* op = value->op;
  if (op == nullptr) return Again::Never;
  const Form form = op->primitive->form;
  if (form == Form::Generate && op->operands.empty()) return Again::Always;
  if (op->primitive == &slice_p || form == Form::Join) return Again::IfAvailable;
  if (form == Form::View || op->primitive == &stop_gradient_p || widens(*op)) return Again::Always;
  const bool cheap = form == Form::Elementwise && op->primitive->cost == Cost::Few;
  return cheap ? Again::IfAvailable : Again::Never;
}

class Selection {
 public:
  // `order`: the forward values as defined; `needed`: those the reverse sweep uses.
  Selection(const std::vector<Value*>& order, const std::unordered_set<const Value*>& needed)
      : stored_(needed) {
    for (auto v = order.rbegin(); v != order.rend(); ++v) {
      const auto parts = parts_.find(*v);
      if (parts != parts_.end() && is_no_larger(element_count((*v)->type.shape()), parts->second))
        stored_.insert(*v);
      if (!stored_.contains(*v)) continue;
      if (again(*v) == Again::Always) store_operands(*v);
      if ((*v)->op && (*v)->op->primitive == &slice_p) note_part(**v);
    }
    std::unordered_set<const Value*> available;
    for (const Value* v : order) {
      if (again(v) != Again::Never && all_in(available, v->op->operands)) {
        stored_.erase(v);
        available.insert(v);
      } else if (stored_.contains(v)) {
        available.insert(v);
      }
    }
    for (const Value* v : needed) compute(v);
  }

  bool is_stored(const Value* v) const { return stored_.contains(v); }
  bool is_computed(const Op* op) const { return computed_.contains(op); }

 private:
  static bool all_in(const std::unordered_set<const Value*>& set,
                     const std::vector<Value*>& values) {
    return std::all_of(values.begin(), values.end(), [&](Value* v) { return set.contains(v); });
  }

  static bool is_no_larger(const Dim& a, const Dim& b) {
    const Dim more = b - a;
    const Dim::Terms rest = more.terms();
    return !more.is_unknown() &&
           std::all_of(rest.begin(), rest.end(), [](const auto& term) { return term.second >= 0; });
  }

  void note_part(const Value& slice) {
    Dim& all = parts_.emplace(slice.op->operands[0], Dim(0)).first->second;
    all = all + element_count(slice.type.shape());
  }

  void store_operands(const Value* v) {
    stored_.erase(v);
    stored_.insert(v->op->operands.begin(), v->op->operands.end());
  }

  void compute(const Value* v) {
    if (stored_.contains(v) || !computed_.insert(v->op).second) return;
    for (const Value* operand : v->op->operands) compute(operand);
  }

  std::unordered_set<const Value*> stored_;
  std::unordered_set<const Op*> computed_;
  std::unordered_map<const Value*, Dim> parts_;  // elements of its slices that would be stored
};

// The recording's forward values in order of definition.
std::vector<Value*> forward_values(const Recording& recording) {
  std::vector<Value*> order;
  const std::size_t arguments = recording.region->args.size() - recording.seed_cotangents.size();
  for (std::size_t i = 0; i < arguments; ++i) order.push_back(recording.region->arg(i));
  for (std::size_t i = 0; i < recording.forward_ops; ++i) {
    for (const auto& result : recording.region->ops[i]->results) order.push_back(result.get());
  }
  return order;
}

std::unordered_set<const Value*> used_in_reverse(const Recording& recording,
                                                 const std::vector<Value*>& order) {
  std::unordered_set<const Value*> used;
  const Region& region = *recording.region;
  for (std::size_t i = recording.forward_ops; i < region.ops.size(); ++i) {
    used.insert(region.ops[i]->operands.begin(), region.ops[i]->operands.end());
  }
  used.insert(region.results.begin() + std::ptrdiff_t(recording.forward_results),
              region.results.end());
  std::unordered_set<const Value*> needed;
  for (const Value* v : order) {
    if (used.contains(v)) needed.insert(v);
  }
  return needed;
}

// Moves the reverse ops to `reverse`, whose map knows every forward value they use.
void move_reverse_ops(Recording& recording, Region& reverse, ValueMap& map) {
  const auto follow = [&](Value*& use) {
    const auto found = map.find(use);
    if (found != map.end()) use = found->second;
    NODEC_CHECK(use->region == &reverse, "a reverse op uses '{}', which is no residual", use->name);
  };
  auto& ops = recording.region->ops;
  for (std::size_t i = recording.forward_ops; i < ops.size(); ++i) {
    std::unique_ptr<Op>& op = reverse.ops.emplace_back(std::move(ops[i]));
    op->parent = &reverse;
    for (Value*& operand : op->operands) follow(operand);
    for (const auto& result : op->results) result->region = &reverse;
  }
  ops.resize(recording.forward_ops);
  auto& results = recording.region->results;
  reverse.results.assign(results.begin() + std::ptrdiff_t(recording.forward_results),
                         results.end());
  results.resize(recording.forward_results);
  for (Value*& result : reverse.results) follow(result);
}

}  // namespace

Derivative split(Recording recording) {
  const std::vector<Value*> order = forward_values(recording);
  const Selection selection(order, used_in_reverse(recording, order));
  Derivative d{nullptr, std::make_unique<Region>(), 0, recording.estimate != nullptr};
  ValueMap map;
  std::vector<Value*> residuals;
  for (Value* v : order) {
    if (!selection.is_stored(v)) continue;
    residuals.push_back(v);
    map[v] = d.reverse->add_arg(v->type, v->name);
  }
  for (const Value* dy : recording.seed_cotangents)
    map[dy] = d.reverse->add_arg(dy->type, dy->name);
  for (std::size_t i = 0; i < recording.forward_ops; ++i) {
    const Op& op = *recording.region->ops[i];
    if (selection.is_computed(&op)) copy_op(op, *d.reverse, map);
  }
  move_reverse_ops(recording, *d.reverse, map);
  recording.region->args.resize(recording.region->args.size() - recording.seed_cotangents.size());
  recording.region->results.insert(recording.region->results.end(), residuals.begin(),
                                   residuals.end());
  d.residuals = residuals.size();
  d.forward = std::move(recording.region);
  drop_unused(*d.forward);
  return d;
}

}  // namespace nodec
