// Recording: activity first, since augmenting an op asks for it; then the ops, in order.
#include "compiler/ad/recording.h"

#include <algorithm>
#include <set>

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

// A loop's carries are varied and useful together with what they are on the next turn, so its body
// is searched until nothing is added. After no turn at all a carry is what it started as.
void varied_through(const Op& op, ValueSet& varied) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const Region& region = op.region(r);
    const Flow f = flow(op, r);
    std::set<int> wrt;
    for (std::size_t i = 0; i < f.enters.size(); ++i) {
      if (varied.contains(op.operands.at(std::size_t(f.enters[i])))) wrt.insert(int(i));
    }
    for (std::size_t before = wrt.size() + 1; before != wrt.size();) {
      before = wrt.size();
      ValueSet inside;
      find_varied(region, {wrt.begin(), wrt.end()}, inside);
      for (std::size_t i = 0; i < region.results.size(); ++i) {
        const bool started = f.loops[i] >= 0 && wrt.contains(f.loops[i]);
        if (f.leaves[i] < 0 || !(started || inside.contains(region.results[i]))) continue;
        insert(varied, op.result(std::size_t(f.leaves[i])));
        if (f.loops[i] >= 0) wrt.insert(f.loops[i]);
      }
    }
  }
}

void useful_through(const Op& op, ValueSet& useful) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const Region& region = op.region(r);
    const Flow f = flow(op, r);
    std::set<int> seeds;
    for (std::size_t i = 0; i < region.results.size(); ++i) {
      const bool leaves = f.leaves[i] >= 0 && useful.contains(op.result(std::size_t(f.leaves[i])));
      if (leaves) seeds.insert(int(i));
    }
    ValueSet inside;
    for (std::size_t before = seeds.size() + 1; before != seeds.size();) {
      before = seeds.size();
      find_useful(region, {seeds.begin(), seeds.end()}, inside);
      for (std::size_t i = 0; i < region.results.size(); ++i) {
        if (f.loops[i] < 0) continue;
        const Value* carry = region.arg(std::size_t(f.loops[i]));
        if (seeds.contains(int(i))) insert(inside, carry);
        if (inside.contains(carry) && seeds.insert(int(i)).second) {
          insert(useful, op.result(std::size_t(f.leaves[i])));
        }
      }
    }
    for (std::size_t i = 0; i < f.enters.size(); ++i) {
      const bool needed = inside.contains(region.arg(i));
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
  ValueSet varied, useful;
  find_varied(source, wrt, varied);
  find_useful(source, seeds, useful);
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
