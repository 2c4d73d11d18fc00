// Implementation of the search described in the header.
#include "compiler/lower/accumulators.h"

#include <algorithm>
#include <optional>

#include "compiler/lower/batch.h"
#include "compiler/lower/users.h"
#include "ir/lasting.h"

namespace nodec::lowering {

const Value* scalar_behind(const Value* v) {
  while (v->op && v->op->primitive == &broadcast_p) v = v->op->operands[0];
  return v->type.is_scalar() ? v : nullptr;
}

bool is_batch_sum(const Value* v, std::string_view batch) {
  if (!v->op) return false;
  if (v->op->primitive == &scatter_add_p) return is_added_in_place(*v->op, batch);
  if (!is_batch_reduction(*v->op, batch)) return false;
  return v->op->primitive == &sum_p ||
         (v->op->primitive == &matmul_p && v->op->operands.size() == 2);
}

namespace {

bool is_zero(const Value* v) {
  while (v->op && v->op->primitive == &broadcast_p) v = v->op->operands[0];
  if (!v->op || v->op->primitive != &constant_p || !v->op->attrs.has("value")) return false;
  const Attr& value = *v->op->attrs.find("value");
  if (const double* x = std::get_if<double>(&value)) return *x == 0;
  const std::int64_t* n = std::get_if<std::int64_t>(&value);
  return n && *n == 0;
}

// One link of a chain: the batch sums it adds, and the ops that only put them together.
struct Link {
  std::vector<AccumulatorTerm> terms;
  std::vector<const Op*> adds;
};

}  // namespace

// Regions are indexed once each.
class Accumulators::Search {
 public:
  Search(Accumulators& found, const std::string& batch) : found_(found), batch_(batch) {}

  void run(const Region& region) {
    for (const auto& op : region.ops) {
      for (const auto& inner : op->regions) run(*inner);
      if (op->primitive == &while_p) search_carries(*op);
    }
    search_chains(region);
  }

 private:
  // A chain as it is followed, and what of the program is a part of it.
  struct Chain {
    std::unique_ptr<Accumulator> sum = std::make_unique<Accumulator>();
    std::set<const Op*> ops;
    std::set<std::pair<const Op*, std::size_t>> passes;
  };

  Accumulators& found_;
  const std::string& batch_;
  std::unordered_map<const Region*, Users> users_;

  Users& users(const Region& region) { return users_.try_emplace(&region, region).first->second; }

  void search_carries(const Op& loop);
  void search_chains(const Region& region);
  bool follow(Chain& chain, const Region& region, const Value* from, const Value* to);
  const Value* through_branch(Chain& chain, const Op& cond, const Value* at);
  std::optional<Link> link_of(const Op& op, const Value* acc, const Region& region);
  bool take_addends(Link& link, const Value* x, const Value* scale, const Region& region);
  bool extend(Chain& chain, const Link& link) const;
  void take(Chain chain);
};

// Whether `x` is a batch sum, or adds such sums and nothing else, with none of which anything else
// is done; they join the link from left to right.
bool Accumulators::Search::take_addends(Link& link, const Value* x, const Value* scale,
                                        const Region& region) {
  if (!users(region).is_used_once(x)) return false;
  if (is_batch_sum(x, batch_)) {
    link.terms.push_back({x->op, scale, &region});
    return true;
  }
  if (x->op == nullptr || x->op->primitive != &add_p) return false;
  link.adds.push_back(x->op);
  return std::ranges::all_of(x->op->operands, [&](const Value* addend) {
    return take_addends(link, addend, scale, region);
  });
}

// What `op` adds to `acc`, its last operand or an addend: batch sums, scaled or as they are.
std::optional<Link> Accumulators::Search::link_of(const Op& op, const Value* acc,
                                                  const Region& region) {
  Link link{{}, {&op}};
  if (op.primitive == &add_p) {
    const Value* s = op.operands[0] == acc ? op.operands[1] : op.operands[0];
    if (take_addends(link, s, nullptr, region)) return link;
  } else if (op.primitive == &fma_p && op.operands[2] == acc) {
    const Value* scale = scalar_behind(op.operands[0]);
    if (scale && take_addends(link, op.operands[1], scale, region)) return link;
  }
  return {};
}

// Adds a link to a chain; false where the chain's sums are of another kind, which lie elsewhere.
bool Accumulators::Search::extend(Chain& chain, const Link& link) const {
  const auto kind = [&](const Op& sum) {
    return std::pair(sum.primitive == &scatter_add_p, is_added_in_place(sum, batch_));
  };
  std::vector<AccumulatorTerm>& terms = chain.sum->terms;
  const auto like = kind(*(terms.empty() ? link.terms : terms).front().sum);
  for (const AccumulatorTerm& term : link.terms) {
    if (kind(*term.sum) != like) return false;
  }
  terms.insert(terms.end(), link.terms.begin(), link.terms.end());
  chain.ops.insert(link.adds.begin(), link.adds.end());
  return true;
}

// The result of `cond` that is `at` after one of its branches: the other one leaves it as it is.
// Null: there is none.
const Value* Accumulators::Search::through_branch(Chain& chain, const Op& cond, const Value* at) {
  const auto place = std::find(cond.operands.begin(), cond.operands.end(), at);
  if (place == cond.operands.begin()) return nullptr;
  const std::size_t k = std::size_t(place - cond.operands.begin()) - 1;
  const Region &then = cond.region(0), &otherwise = cond.region(1);
  const auto kept = std::find(otherwise.results.begin(), otherwise.results.end(), otherwise.arg(k));
  if (kept == otherwise.results.end()) return nullptr;
  const auto r = std::size_t(kept - otherwise.results.begin());
  if (!users(otherwise).is_used_once(otherwise.arg(k))) return nullptr;
  if (!follow(chain, then, then.arg(k), then.results[r])) return nullptr;
  chain.passes.insert({&cond, r});
  return cond.result(r);
}

// Follows the chain from `from` to `to` inside one region, collecting its terms.
bool Accumulators::Search::follow(Chain& chain, const Region& region, const Value* from,
                                  const Value* to) {
  const Value* at = from;
  while (at != to) {
    if (!users(region).is_used_once(at)) return false;
    const Op* op = users(region).of(at).front();
    if (op == nullptr) return false;
    if (const auto link = link_of(*op, at, region)) {
      if (!extend(chain, *link)) return false;
      at = op->result();
    } else if (op->primitive == &cond_p) {
      at = through_branch(chain, *op, at);
      if (at == nullptr) return false;
    } else {
      return false;
    }
  }
  return users(region).is_used_once(to);
}

void Accumulators::Search::search_carries(const Op& loop) {
  const Region& test = loop.region(0);
  const Region& body = loop.region(1);
  for (std::size_t i = 0; i < loop.results.size(); ++i) {
    if (!body.arg(i)->type.is_tensor() || !is_zero(loop.operands[i])) continue;
    if (!users(test).of(test.arg(i)).empty()) continue;
    Chain chain;
    chain.sum->loop = &loop;
    chain.sum->carry = i;
    if (!follow(chain, body, body.arg(i), body.results[i])) continue;
    if (!chain.sum->terms.empty()) take(std::move(chain));
  }
}

// Chains of two terms and more that start from zero in this region. (They may be part of a carry's
// chain only behind a cond, which starts from an argument.)
void Accumulators::Search::search_chains(const Region& region) {
  for (const auto& start : region.ops) {
    if (start->primitive != &fma_p || !is_zero(start->operands[2])) continue;
    Chain chain;
    const Value* at = start->operands[2];
    for (const Op* op = start.get(); op != nullptr;) {
      const auto link = link_of(*op, at, region);
      if (!link || !extend(chain, *link)) break;
      at = op->result();
      op = users(region).is_used_once(at) ? users(region).of(at).front() : nullptr;
    }
    if (chain.sum->terms.size() < 2) continue;
    chain.sum->result = at;
    take(std::move(chain));
  }
}

void Accumulators::Search::take(Chain chain) {
  found_.ops_.insert(chain.ops.begin(), chain.ops.end());
  found_.passes_.insert(chain.passes.begin(), chain.passes.end());
  for (const AccumulatorTerm& t : chain.sum->terms) {
    found_.ops_.insert(t.sum);
    auto& list = found_.by_region_[t.region];
    if (list.empty() || list.back() != chain.sum.get()) list.push_back(chain.sum.get());
  }
  found_.all_.push_back(std::move(chain.sum));
}

Accumulators::Accumulators(const Graph& graph) { Search(*this, graph.batch).run(graph.body); }

const Accumulator* Accumulators::of(const Op& loop, std::size_t carry) const {
  for (const auto& a : all_) {
    if (a->loop == &loop && a->carry == carry) return a.get();
  }
  return nullptr;
}

const std::vector<const Accumulator*>& Accumulators::in(const Region& region) const {
  static const auto& none = lasting<std::vector<const Accumulator*>>();
  const auto found = by_region_.find(&region);
  return found == by_region_.end() ? none : found->second;
}

bool Accumulators::finished_in(const Region& region) const {
  const auto& here = in(region);
  return std::any_of(here.begin(), here.end(), [](const auto* a) { return a->loop == nullptr; });
}

}  // namespace nodec::lowering
