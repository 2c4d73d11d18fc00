// Recording: activity first, since augmenting an op asks for it; then the ops, in order.
#include "compiler/ad/recording.h"

#include <algorithm>

#include "compiler/ad/value_set.h"
#include "ir/builder.h"
#include "ir/print.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

// A step function, a comparison, a generator: no derivative goes through.
bool blocks(const Op& op) { return op.primitive->gradient.rule == no_cotangents; }

bool through_floats(const Value&, const Op& op, const Value& next) {
  return !blocks(op) && has_cotangent(next.type);
}

std::vector<const Value*> floats(std::vector<const Value*> values) {
  std::erase_if(values, [](const Value* v) { return !has_cotangent(v->type); });
  return values;
}

ValueSet find_varied(const Spread& spread, const Region& source, const std::vector<int>& wrt) {
  std::vector<const Value*> from;
  for (const int i : wrt) from.push_back(source.arg(std::size_t(i)));
  return spread.users(floats(std::move(from)), through_floats);
}

ValueSet find_useful(const Spread& spread, const Region& source, const std::vector<int>& seeds) {
  std::vector<const Value*> from;
  for (const int i : seeds) from.push_back(source.results.at(std::size_t(i)));
  return spread.makers(floats(std::move(from)), through_floats);
}

class Recorder {
 public:
  Recorder(Differentiator& ad, Recording& recording)
      : ad_(ad), recording_(recording), b_(*recording.region) {}

  void argument(const Value& arg) { bind(arg, recording_.region->add_arg(arg.type, arg.name)); }

  void op(const Op& op) {
    if (!active(op)) return bind_results(op, copy_op(op, *recording_.region, map_));
    Augmented recorded = op.primitive->gradient.augment
                             ? augmented(op)
                             : Augmented(copy_op(op, *recording_.region, map_));
    bind_results(op, recorded.op);
    recording_.entries.push_back({&recorded.op, std::move(recorded.saved)});
  }

  Value* recorded(const Value* value) const { return map_.at(value); }

 private:
  bool active(const Op& op) const {
    return std::any_of(op.results.begin(), op.results.end(), [&](const auto& v) {
      return recording_.varied.contains(v.get()) && recording_.useful.contains(v.get());
    });
  }

  Augmented augmented(const Op& op) {
    std::vector<Value*> operands;
    for (const Value* operand : op.operands) operands.push_back(map_.at(operand));
    b_.at(op.where);
    Augmented y = op.primitive->gradient.augment(ad_, b_, op, operands);
    NODEC_CHECK(y.op.results.size() >= op.results.size() && y.op.parent == recording_.region.get(),
                "augmenting lost results of {}", print(op));
    return y;
  }

  void bind_results(const Op& from, const Op& to) {
    for (std::size_t i = 0; i < from.results.size(); ++i) bind(*from.result(i), to.result(i));
  }

  void bind(const Value& from, Value* to) {
    NODEC_CHECK(from.type == to->type, "recording '{}' changed its type from {} to {}", from.name,
                from.type.str(), to->type.str());
    if (to->name.empty()) to->name = from.name;
    map_[&from] = to;
    for (auto* known :
         {&recording_.varied, &recording_.useful, &recording_.wild, &recording_.steep}) {
      if (known->contains(&from)) known->insert(to);
    }
  }

  Differentiator& ad_;
  Recording& recording_;
  Builder b_;
  ValueMap map_;
};

}  // namespace

bool has_cotangent(const Type& type) { return type.is_tensor() && is_float(type.dtype()); }

std::unordered_set<const Op*> active_ops(const Region& source, const std::vector<int>& wrt,
                                         const std::vector<int>& seeds) {
  const Spread spread(source, is_open);
  const ValueSet varied = find_varied(spread, source, wrt);
  const ValueSet useful = find_useful(spread, source, seeds);
  std::unordered_set<const Op*> active;
  for (const auto& op : source.ops) {
    const bool any = std::any_of(op->results.begin(), op->results.end(), [&](const auto& v) {
      return varied.contains(v.get()) && useful.contains(v.get());
    });
    if (any) active.insert(op.get());
  }
  return active;
}

void record(Differentiator& ad, const Region& source, const std::vector<int>& wrt,
            const std::vector<int>& seeds, const Unbounded& unbounded, Recording& recording) {
  recording.region = std::make_unique<Region>();
  const Spread spread(source, is_open);
  recording.varied = find_varied(spread, source, wrt);
  recording.useful = find_useful(spread, source, seeds);
  recording.wild = find_wild(spread, source, unbounded.wild_args);
  recording.steep = find_steep(spread, source, unbounded.steep_results);
  Recorder recorder(ad, recording);
  for (const auto& arg : source.args) recorder.argument(*arg);
  for (const auto& op : source.ops) recorder.op(*op);
  for (const Value* result : source.results) {
    recording.region->results.push_back(recorder.recorded(result));
  }
  for (int i : wrt) recording.wrt.push_back(recording.region->arg(i));
  for (int i : seeds) {
    Value* seed = recording.region->results.at(i);
    recording.seeds.push_back(seed);
    recording.seed_cotangents.push_back(recording.region->add_arg(seed->type));
  }
  recording.forward_ops = recording.region->ops.size();
  recording.forward_results = recording.region->results.size();
}

}  // namespace nodec
