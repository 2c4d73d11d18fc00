// Implementation of the call splitting described in the header.
#include "compiler/lower/split_calls.h"

#include <algorithm>
#include <set>

#include "compiler/lower/batch.h"
#include "compiler/lower/rewriter.h"

namespace nodec::lowering {
namespace {

using ValueSet = std::set<const Value*>;

bool all_in(const std::vector<Value*>& values, const ValueSet& set) {
  return std::all_of(values.begin(), values.end(), [&](const Value* x) { return set.contains(x); });
}

bool is_ordered(const Op& op) {
  return op.primitive->form == Form::Effect || op.primitive == &tape_write_p ||
         op.primitive == &tape_new_p || op.primitive == &apply_p;
}

// Copies `value` into `to` with whatever free ops it hangs on; their roots are in `map`.
Value* copy_with_free(const Value* value, Region& to, ValueMap& map) {
  if (const auto found = map.find(value); found != map.end()) return found->second;
  NODEC_CHECK(value->op, "an argument was not mapped before hoisting");
  for (const Value* x : value->op->operands) copy_with_free(x, to, map);
  copy_op(*value->op, to, map);
  return map.at(value);
}

class Splitter {
 public:
  explicit Splitter(std::string_view batch) : batch_(batch) {}

  void run(Region& region) {
    for (auto& op : region.ops) {
      for (auto& inner : op->regions) run(*inner);
    }
    Rewriter rewriter(region);
    rewriter.run([&](Op& op) -> std::optional<std::vector<Value*>> {
      if (op.primitive == &while_p) {
        hoist(rewriter.builder(), op, op.attrs.get<std::int64_t>("carried"));
        return std::nullopt;
      }
      if (op.primitive != &call_p) return std::nullopt;
      return split(rewriter.builder(), op);
    });
  }

 private:
  std::string_view batch_;

  // Ops of `region` that depend only on arguments from `first` on and belong outside.
  std::vector<const Op*> hoistable(const Region& region, std::size_t first) const {
    ValueSet outside;
    for (std::size_t i = first; i < region.args.size(); ++i) {
      if (!is_varying(region.arg(i), batch_)) outside.insert(region.arg(i));
    }
    std::vector<const Op*> found;
    for (const auto& op : region.ops) {
      if (is_ordered(*op) || !all_in(op->operands, outside)) continue;
      if (is_free(*op) && op->primitive != &reshape_p) {  // a reshape may have to copy
        if (!is_varying(op->result(), batch_)) outside.insert(op->result());
        continue;
      }
      for (const auto& r : op->results) outside.insert(r.get());
      found.push_back(op.get());
    }
    return found;
  }

  // Builds the hoistable ops of op's regions before it and passes their results in as arguments.
  void hoist(Builder& b, Op& op, std::size_t first) const {
    for (std::size_t k = 0; k < op.regions.size(); ++k) {
      Region& region = op.region(k);
      const std::vector<const Op*> found = hoistable(region, first);
      if (found.empty()) continue;
      ValueMap map;
      for (std::size_t i = first; i < region.args.size(); ++i) map[region.arg(i)] = op.operands[i];
      std::set<const Op*> gone;
      for (const Op* inner : found) {
        for (const Value* x : inner->operands) copy_with_free(x, b.region(), map);
        copy_op(*inner, b.region(), map);
        gone.insert(inner);
      }
      ValueMap passed;
      for (const Op* inner : found) {
        for (const auto& result : inner->results) {
          passed[result.get()] = pass_in(op, k, *result, map.at(result.get()));
        }
      }
      replace_all(region, passed);
      std::erase_if(region.ops, [&](const auto& inner) { return gone.contains(inner.get()); });
    }
  }

  // An argument that receives `outside`, to stand for `inside`, a value of region k.
  static Value* pass_in(Op& op, std::size_t k, const Value& inside, Value* outside) {
    op.operands.push_back(outside);
    for (const auto& region : op.regions) region->add_arg(inside.type, inside.name);
    return op.region(k).args.back().get();
  }

  // In one sweep, however many they are.
  static void replace_all(Region& region, const ValueMap& values) {
    const auto replace = [&](Value*& x) {
      if (const auto found = values.find(x); found != values.end()) x = found->second;
    };
    for (const auto& op : region.ops)
      std::for_each(op->operands.begin(), op->operands.end(), replace);
    std::for_each(region.results.begin(), region.results.end(), replace);
  }

  // Values of the callee that hang on a sum over the batch. False: some of them are samples again.
  bool find_sums(const Region& region, ValueSet& sums) const {
    for (const auto& op : region.ops) {
      if (picks_samples(*op, batch_)) return false;
      const bool depends = std::any_of(op->operands.begin(), op->operands.end(),
                                       [&](const Value* x) { return sums.contains(x); });
      if (!depends && !is_batch_reduction(*op, batch_)) continue;
      if (depends && reads_batch(*op, batch_)) return false;
      for (const auto& r : op->results) {
        if (is_varying(r.get(), batch_)) return false;
        sums.insert(r.get());
      }
    }
    return true;
  }

  bool only_tile_work(const Region& region, const ValueSet& sums) const {
    return std::all_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
      if (op->primitive == &call_p) return reads_batch(*op, batch_);
      return op->regions.empty() && op->primitive->form != Form::Tape &&
             op->primitive->form != Form::Effect &&
             (is_free(*op) || sums.contains(op->result()) || is_varying(op->result(), batch_) ||
              op->result()->type.is_scalar());
    });
  }

  // Whether a function's tile would take more of the stack than it may.
  bool too_wide(const Region& callee) const {
    std::int64_t total = 0;
    for (const auto& op : callee.ops) {
      for (const auto& result : op->results) {
        if (is_free(*op) || !is_varying(result.get(), batch_)) continue;
        std::int64_t elements = 1;
        for (const Dim& d : result->type.shape()) elements *= d.is_constant() ? d.constant() : 1;
        total += tile_bytes(elements, result->type.dtype());
      }
    }
    return total > kMostStack;
  }

  std::optional<std::vector<Value*>> split(Builder& b, Op& op) const {
    hoist(b, op, 0);
    const Region& callee = op.region();
    ValueSet sums;
    const bool samples_only = find_sums(callee, sums);
    const bool has_samples = std::any_of(callee.ops.begin(), callee.ops.end(), [&](const auto& x) {
      return !is_free(*x) && reads_batch(*x, batch_);
    });
    if (!samples_only || !has_samples || !only_tile_work(callee, sums) ||
        leaving(callee, sums).empty() || too_wide(callee)) {
      return b.inline_region(callee, op.operands);
    }
    if (sums.empty() && all_made_inside(callee)) return std::nullopt;
    return sink(b, op, sums);
  }

  // Whether each result is a varying value of the callee's own, each once.
  bool all_made_inside(const Region& callee) const {
    ValueSet seen;
    return std::all_of(callee.results.begin(), callee.results.end(), [&](const Value* r) {
      return r->op && !is_free(*r->op) && is_varying(r, batch_) && seen.insert(r).second;
    });
  }

  // The values of the callee that leave it: those its results and its sums are made of.
  static std::vector<const Value*> leaving(const Region& callee, const ValueSet& sums) {
    std::vector<const Value*> out;
    const auto leave = [&](const Value* x, auto&& self) -> void {
      if (!x->op || sums.contains(x)) return;
      if (is_free(*x->op)) {
        for (const Value* y : x->op->operands) self(y, self);
        return;
      }
      if (std::find(out.begin(), out.end(), x) == out.end()) out.push_back(x);
    };
    for (const Value* r : callee.results) leave(r, leave);
    for (const auto& x : callee.ops) {
      if (!sums.contains(x->result())) continue;
      for (const Value* y : x->operands) leave(y, leave);
    }
    return out;
  }

  // The callee keeps the tile work and returns what the sums need; the sums follow the call.
  static std::vector<Value*> sink(Builder& b, Op& op, const ValueSet& sums) {
    const Region& callee = op.region();
    auto body = std::make_unique<Region>();
    ValueMap inside;
    for (const auto& arg : callee.args) inside[arg.get()] = body->add_arg(arg->type, arg->name);
    for (const auto& x : callee.ops) {
      if (!sums.contains(x->result())) copy_op(*x, *body, inside);
    }
    const std::vector<const Value*> out = leaving(callee, sums);
    for (const Value* x : out) body->results.push_back(inside.at(x));
    std::vector<std::unique_ptr<Region>> regions;
    regions.push_back(std::move(body));
    const Op& again = b.op(call_p, op.operands, op.attrs, std::move(regions));
    ValueMap outside;
    for (std::size_t i = 0; i < callee.args.size(); ++i) outside[callee.arg(i)] = op.operands[i];
    for (std::size_t i = 0; i < out.size(); ++i) outside[out[i]] = again.result(i);
    for (const auto& x : callee.ops) {
      if (!sums.contains(x->result())) continue;
      for (const Value* y : x->operands) copy_with_free(y, b.region(), outside);
      copy_op(*x, b.region(), outside);
    }
    std::vector<Value*> results;
    for (const Value* r : callee.results) results.push_back(copy_with_free(r, b.region(), outside));
    return results;
  }
};

}  // namespace

void split_calls(Graph& graph) { Splitter(graph.batch).run(graph.body); }

}  // namespace nodec::lowering
