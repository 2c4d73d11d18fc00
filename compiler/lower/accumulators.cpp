// Implementation of the search described in the header.
#include "compiler/lower/accumulators.h"

#include <algorithm>
#include <optional>

#include "compiler/lower/batch.h"

namespace nodec::lowering {
namespace {

// The ops of `region` that use `value`, once per use; null stands for the yield.
std::vector<const Op*> uses(const Region& region, const Value* value) {
  std::vector<const Op*> found;
  for (const auto& op : region.ops) {
    for (const Value* x : op->operands) {
      if (x == value) found.push_back(op.get());
    }
  }
  for (const Value* x : region.results) {
    if (x == value) found.push_back(nullptr);
  }
  return found;
}

bool is_zero(const Value* v) {
  while (v->op && v->op->primitive == &broadcast_p) v = v->op->operands[0];
  if (!v->op || v->op->primitive != &constant_p || !v->op->attrs.has("value")) return false;
  const Attr& value = *v->op->attrs.find("value");
  if (const double* x = std::get_if<double>(&value)) return *x == 0;
  const std::int64_t* n = std::get_if<std::int64_t>(&value);
  return n && *n == 0;
}

// The scalar that `v` repeats, or null.
const Value* scalar_behind(const Value* v) {
  while (v->op && v->op->primitive == &broadcast_p) v = v->op->operands[0];
  return v->type.is_scalar() ? v : nullptr;
}

bool is_sum(const Value* v, std::string_view batch) {
  if (!v->op) return false;
  if (v->op->primitive == &scatter_add_p) return is_added_in_place(*v->op, batch);
  if (!is_batch_reduction(*v->op, batch)) return false;
  return v->op->primitive == &sum_p ||
         (v->op->primitive == &matmul_p && v->op->operands.size() == 2);
}

bool is_sum(const Value* v, const Region& region, std::string_view batch) {
  return is_sum(v, batch) && uses(region, v).size() == 1;
}

// One link of a chain: the batch sums it adds, and the ops that only put them together.
struct Link {
  std::vector<AccumulatorTerm> terms;
  std::vector<const Op*> adds;
};

// Whether `x` is a batch sum, or adds such sums and nothing else, with none of which anything else
// is done; they join the link from left to right.
bool take_addends(Link& link, const Value* x, const Value* scale, const Region& region,
                  std::string_view batch) {
  if (is_sum(x, region, batch)) {
    link.terms.push_back({x->op, scale, &region});
    return true;
  }
  if (x->op == nullptr || x->op->primitive != &add_p || uses(region, x).size() != 1) return false;
  link.adds.push_back(x->op);
  return std::ranges::all_of(x->op->operands, [&](const Value* addend) {
    return take_addends(link, addend, scale, region, batch);
  });
}

// What `op` adds to `acc`, its last operand or an addend: batch sums, scaled or as they are.
std::optional<Link> link_of(const Op& op, const Value* acc, const Region& region,
                            std::string_view batch) {
  Link link{{}, {&op}};
  if (op.primitive == &add_p) {
    const Value* s = op.operands[0] == acc ? op.operands[1] : op.operands[0];
    if (take_addends(link, s, nullptr, region, batch)) return link;
  } else if (op.primitive == &fma_p && op.operands[2] == acc) {
    const Value* scale = scalar_behind(op.operands[0]);
    if (scale && take_addends(link, op.operands[1], scale, region, batch)) return link;
  }
  return {};
}

// Adds a link to a chain; false where the chain's sums are of another kind, which lie elsewhere.
bool extend(Accumulator& chain, std::set<const Op*>& ops, const Link& link,
            std::string_view batch) {
  const auto kind = [&](const Op& sum) {
    return std::pair(sum.primitive == &scatter_add_p, is_added_in_place(sum, batch));
  };
  const auto like = kind(*(chain.terms.empty() ? link.terms : chain.terms).front().sum);
  for (const AccumulatorTerm& term : link.terms) {
    if (kind(*term.sum) != like) return false;
  }
  chain.terms.insert(chain.terms.end(), link.terms.begin(), link.terms.end());
  ops.insert(link.adds.begin(), link.adds.end());
  return true;
}

}  // namespace

Accumulators::Accumulators(const Graph& graph) { search(graph.body, graph.batch); }

const Accumulator* Accumulators::of(const Op& loop, std::size_t carry) const {
  for (const auto& a : all_) {
    if (a->loop == &loop && a->carry == carry) return a.get();
  }
  return nullptr;
}

const std::vector<const Accumulator*>& Accumulators::in(const Region& region) const {
  static const std::vector<const Accumulator*> none;
  const auto found = by_region_.find(&region);
  return found == by_region_.end() ? none : found->second;
}

// Follows the chain from `from` to `to` inside one region, collecting its terms.
bool Accumulators::follow(const Region& region, const Value* from, const Value* to,
                          const std::string& batch, Accumulator& found, std::set<const Op*>& ops,
                          std::set<std::pair<const Op*, std::size_t>>& passes) const {
  const Value* at = from;
  while (at != to) {
    const std::vector<const Op*> users = uses(region, at);
    if (users.size() != 1 || !users[0]) return false;
    const Op& op = *users[0];
    if (const auto link = link_of(op, at, region, batch)) {
      if (!extend(found, ops, *link, batch)) return false;
    } else if (op.primitive == &cond_p) {
      const auto place = std::find(op.operands.begin(), op.operands.end(), at);
      const std::size_t k = static_cast<std::size_t>(place - op.operands.begin()) - 1;
      const Region& otherwise = op.region(1);
      const auto kept =
          std::find(otherwise.results.begin(), otherwise.results.end(), otherwise.arg(k));
      if (place == op.operands.begin() || kept == otherwise.results.end()) return false;
      const auto r = static_cast<std::size_t>(kept - otherwise.results.begin());
      if (uses(otherwise, otherwise.arg(k)).size() != 1) return false;
      if (!follow(op.region(0), op.region(0).arg(k), op.region(0).results[r], batch, found, ops,
                  passes)) {
        return false;
      }
      passes.insert({&op, r});
      at = op.result(r);
      continue;
    } else {
      return false;
    }
    at = op.result();
  }
  return uses(region, to).size() == 1;
}

void Accumulators::search(const Region& region, const std::string& batch) {
  for (const auto& op : region.ops) {
    for (const auto& inner : op->regions) search(*inner, batch);
    if (op->primitive == &while_p) search_carries(*op, batch);
  }
  search_chains(region, batch);
}

void Accumulators::search_carries(const Op& loop, const std::string& batch) {
  const Region& test = loop.region(0);
  const Region& body = loop.region(1);
  for (std::size_t i = 0; i < loop.results.size(); ++i) {
    if (!body.arg(i)->type.is_tensor() || !is_zero(loop.operands[i])) continue;
    if (!uses(test, test.arg(i)).empty()) continue;
    auto found = std::make_unique<Accumulator>();
    found->loop = &loop;
    found->carry = i;
    std::set<const Op*> ops;
    std::set<std::pair<const Op*, std::size_t>> passes;
    if (!follow(body, body.arg(i), body.results[i], batch, *found, ops, passes)) continue;
    if (found->terms.empty()) continue;
    ops_.insert(ops.begin(), ops.end());
    passes_.insert(passes.begin(), passes.end());
    take(std::move(found));
  }
}

// Chains of two terms and more that start from zero in this region. (They may be part of a carry's
// chain only behind a cond, which starts from an argument.)
void Accumulators::search_chains(const Region& region, const std::string& batch) {
  for (const auto& start : region.ops) {
    if (start->primitive != &fma_p || !is_zero(start->operands[2])) continue;
    auto found = std::make_unique<Accumulator>();
    std::set<const Op*> ops;
    const Value* at = start->operands[2];
    for (const Op* op = start.get(); op != nullptr;) {
      const auto link = link_of(*op, at, region, batch);
      if (!link || !extend(*found, ops, *link, batch)) break;
      at = op->result();
      const std::vector<const Op*> users = uses(region, at);
      op = users.size() == 1 ? users[0] : nullptr;
    }
    if (found->terms.size() < 2) continue;
    found->result = at;
    ops_.insert(ops.begin(), ops.end());
    take(std::move(found));
  }
}

void Accumulators::take(std::unique_ptr<Accumulator> found) {
  for (const AccumulatorTerm& t : found->terms) {
    ops_.insert(t.sum);
    auto& list = by_region_[t.region];
    if (list.empty() || list.back() != found.get()) list.push_back(found.get());
  }
  all_.push_back(std::move(found));
}

bool Accumulators::finished_in(const Region& region) const {
  const auto& here = in(region);
  return std::any_of(here.begin(), here.end(), [](const auto* a) { return a->loop == nullptr; });
}

namespace {

// Gives `op`'s two branches a new argument for `outside`; returns the arguments.
std::pair<Value*, Value*> capture(Op& op, Value* outside) {
  op.operands.push_back(outside);
  return {op.region(0).add_arg(outside->type, outside->name),
          op.region(1).add_arg(outside->type, outside->name)};
}

void drop_operand(Op& op, std::size_t k) {
  op.operands.erase(op.operands.begin() + static_cast<std::ptrdiff_t>(k) + 1);
  for (auto& region : op.regions) {
    region->args.erase(region->args.begin() + static_cast<std::ptrdiff_t>(k));
    for (std::size_t i = k; i < region->args.size(); ++i) {
      region->args[i]->index = static_cast<int>(i);
    }
  }
}

// Whether `branch` is the one use of `sum`, terms of chains aside.
bool only_terms_beside(const Region& region, const Value* sum, const Op& branch) {
  int here = 0;
  for (const Op* user : uses(region, sum)) {
    if (user == &branch) {
      ++here;
    } else if (user == nullptr || user->primitive != &fma_p || user->operands[1] != sum ||
               scalar_behind(user->operands[0]) == nullptr) {
      return false;
    }
  }
  return here == 1;
}

// Moves the batch sum behind operand k of a cond into the one branch that uses it.
bool sink(Region& region, Op& op, std::size_t k, std::string_view batch) {
  const Value* sum = op.operands[k + 1];
  if (!is_sum(sum, batch) || !only_terms_beside(region, sum, op)) return false;
  const bool in_then = !uses(op.region(0), op.region(0).arg(k)).empty();
  const bool in_else = !uses(op.region(1), op.region(1).arg(k)).empty();
  if (in_then == in_else) return false;
  Region& branch = op.region(in_then ? 0 : 1);
  ValueMap map;
  for (Value* x : sum->op->operands) {
    const auto [a, b] = capture(op, x);
    map[x] = in_then ? a : b;
  }
  copy_op(*sum->op, branch, map);
  std::rotate(branch.ops.begin(), branch.ops.end() - 1, branch.ops.end());
  replace_uses(branch, branch.arg(k), branch.ops.front()->result());
  const Op* gone = sum->op;
  drop_operand(op, k);
  if (uses(region, sum).empty()) {
    std::erase_if(region.ops, [&](const auto& x) { return x.get() == gone; });
  }
  return true;
}

void sink_in(Region& region, std::string_view batch) {
  for (std::size_t i = 0; i < region.ops.size(); ++i) {
    Op& op = *region.ops[i];
    for (auto& inner : op.regions) sink_in(*inner, batch);
    if (op.primitive != &cond_p) continue;
    for (std::size_t k = 0; k + 1 < op.operands.size();) {
      if (sink(region, op, k, batch)) {
        --i;
      } else {
        ++k;
      }
    }
  }
}

}  // namespace

void sink_into_branches(Graph& graph) { sink_in(graph.body, graph.batch); }

}  // namespace nodec::lowering
