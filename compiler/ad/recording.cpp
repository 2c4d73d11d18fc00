// Recording: activity first, since augmenting an op asks for it; then the ops, in order.
#include "compiler/ad/recording.h"

#include <algorithm>

#include "compiler/ad/value_set.h"
#include "ir/builder.h"
#include "ir/print.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

void insert(ValueSet& set, const Value* value) {
  if (has_cotangent(value->type)) set.insert(value);
}

// A step function, a comparison, a generator: no derivative goes through.
bool blocks(const Op& op) { return op.primitive->gradient.rule == no_cotangents; }

void find_varied(const Region& source, const std::vector<int>& wrt, ValueSet& varied);
void find_useful(const Region& source, const std::vector<int>& seeds, ValueSet& useful);

void varied_through(const Op& op, ValueSet& varied) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const Flow f = flow(op, r);
    std::vector<int> wrt;
    for (std::size_t i = 0; i < f.enters.size(); ++i) {
      if (varied.contains(op.operands.at(std::size_t(f.enters[i])))) wrt.push_back(int(i));
    }
    ValueSet inside;
    find_varied(op.region(r), wrt, inside);
    for (std::size_t i = 0; i < op.region(r).results.size(); ++i) {
      if (inside.contains(op.region(r).results[i])) insert(varied, op.result(i));
    }
  }
}

void useful_through(const Op& op, ValueSet& useful) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    std::vector<int> seeds;
    for (std::size_t i = 0; i < op.region(r).results.size(); ++i) {
      if (useful.contains(op.result(i))) seeds.push_back(int(i));
    }
    ValueSet inside;
    find_useful(op.region(r), seeds, inside);
    const Flow f = flow(op, r);
    for (std::size_t i = 0; i < f.enters.size(); ++i) {
      const bool needed = inside.contains(op.region(r).arg(i));
      if (needed) insert(useful, op.operands.at(std::size_t(f.enters[i])));
    }
  }
}

void find_varied(const Region& source, const std::vector<int>& wrt, ValueSet& varied) {
  for (int i : wrt) insert(varied, source.arg(i));
  for (const auto& op : source.ops) {
    if (blocks(*op) || !any_in(varied, op->operands)) continue;
    if (is_open(*op)) {
      varied_through(*op, varied);
      continue;
    }
    for (const auto& result : op->results) insert(varied, result.get());
  }
}

void find_useful(const Region& source, const std::vector<int>& seeds, ValueSet& useful) {
  for (int i : seeds) insert(useful, source.results.at(i));
  for (auto op = source.ops.rbegin(); op != source.ops.rend(); ++op) {
    if (blocks(**op) || !any_result_in(useful, **op)) continue;
    if (is_open(**op)) {
      useful_through(**op, useful);
      continue;
    }
    for (const Value* operand : (*op)->operands) insert(useful, operand);
  }
}

class Recorder {
 public:
  Recorder(Differentiator& ad, Recording& recording)
      : ad_(ad), recording_(recording), b_(*recording.region) {}

  void argument(const Value& arg) { bind(arg, recording_.region->add_arg(arg.type, arg.name)); }

  void op(const Op& op) {
    if (!active(op)) return bind_results(op, copy_op(op, *recording_.region, map_));
    Op& recorded =
        op.primitive->gradient.augment ? augmented(op) : copy_op(op, *recording_.region, map_);
    bind_results(op, recorded);
    recording_.entries.push_back({&recorded, op.regions.size()});
  }

  Value* recorded(const Value* value) const { return map_.at(value); }

 private:
  bool active(const Op& op) const {
    return std::any_of(op.results.begin(), op.results.end(), [&](const auto& v) {
      return recording_.varied.contains(v.get()) && recording_.useful.contains(v.get());
    });
  }

  Op& augmented(const Op& op) {
    std::vector<Value*> operands;
    for (const Value* operand : op.operands) operands.push_back(map_.at(operand));
    b_.at(op.where);
    Op& y = op.primitive->gradient.augment(ad_, b_, op, operands);
    NODEC_CHECK(y.results.size() >= op.results.size() && y.parent == recording_.region.get(),
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

void record(Differentiator& ad, const Region& source, const std::vector<int>& wrt,
            const std::vector<int>& seeds, const Unbounded& unbounded, Recording& recording) {
  recording.region = std::make_unique<Region>();
  find_varied(source, wrt, recording.varied);
  find_useful(source, seeds, recording.useful);
  recording.wild = find_wild(source, unbounded.wild_args);
  recording.steep = find_steep(source, unbounded.steep_results);
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
