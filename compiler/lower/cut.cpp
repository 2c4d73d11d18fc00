// What the kinds of cutting share: lengths, and where the pieces go.
#include "compiler/lower/cut.h"

#include <algorithm>
#include <functional>
#include <set>

#include "compiler/lower/batch.h"
#include "compiler/lower/long_calls.h"
#include "ir/plan_visit.h"
#include "kernels/catalogue.h"

namespace nodec::lowering {

using namespace plan;

namespace {

constexpr std::int64_t kLists = 10;    // that a function may have whole
constexpr std::int64_t kNodes = 2;     // among nodes, what goes between pieces doubles the length
constexpr std::int64_t kPassed = 24;   // calls have fewer scalars than a function by this much
constexpr std::int64_t kLoop = 6;      // around a kernel's elements
constexpr std::int64_t kProduct = 32;  // a tile of sums, and what is left of it
constexpr std::int64_t kBeside = 8;    // sums of a tile
constexpr std::int64_t kDense = 3;     // lanes, what is behind them, and places known to both loops

std::int64_t length(const auto&) { return kProduct; }
std::int64_t length(const Map& k) { return kLoop + length_of(k.computes); }
std::int64_t length(const DenseMap& k) { return kLoop + length_of(k); }
std::int64_t length(const FoldElements& k) { return kProduct + length_of(k.computes) - 1; }
std::int64_t length(const DenseFold& k) {  // of which there are several elements side by side
  return kProduct + kBeside * (length_of(k.computes) - 1);
}
std::int64_t length(const Invoke& k) {
  return 1 + std::int64_t(k.pointers.size() + k.scalars.size());
}
std::int64_t length(const DenseScatter& k) { return kProduct * std::int64_t(k.terms.size()); }
std::int64_t length(const LargeContract& k) { return kProduct * std::int64_t(k.terms.size()); }
std::int64_t length(const Call& call) {
  return 1 + std::int64_t(call.arguments.size() + call.results.size());
}
std::int64_t length(const SlotSum& k) { return kLoop * std::int64_t(1 + k.terms.size()); }

void each_call(Nodes& nodes, const std::function<void(int&)>& f) {
  for (Node& node : nodes) {
    each_call_of(node, f);
    for (Nodes* list : inside(node)) each_call(*list, f);
  }
}

void note_constants(const Nodes& nodes, std::map<int, Compute>& constants) {
  for (const Node& node : nodes) {
    const Scalars* scalars = std::get_if<Scalars>(&node.what);
    for (std::size_t i = 0; scalars && i < scalars->computes.size(); ++i) {
      const Compute& c = scalars->computes[i];
      const bool same = c.op->primitive == &constant_p || c.op->primitive == &dim_p;
      if (same) constants.emplace(scalars->results[i], c);
    }
    for (const Nodes* list : inside(node)) note_constants(*list, constants);
  }
}

}  // namespace

std::int64_t length_of(const Compute& compute) {
  const auto loads =
      std::count_if(compute.operands.begin(), compute.operands.end(), [](const Source& source) {
        const Ref* from = std::get_if<Ref>(&source);
        return from && from->buffer >= 0;
      });
  return (compute.op ? 1 : 0) + std::int64_t(loads) + (compute.to ? 1 : 0);
}

std::int64_t length_of(const std::vector<Compute>& computes) {
  std::int64_t all = 0;
  for (const Compute& each : computes) all += length_of(each);
  return all;
}

std::int64_t length_of(const Map& map) { return length_of(map.computes); }
std::int64_t length_of(const DenseMap& map) { return kDense * length_of(map.computes); }

std::int64_t length_of(const Kernel& kernel) {
  return std::visit([](const auto& k) { return length(k); }, kernel);
}

std::int64_t length_of(const Node& node) {
  if (const Scalars* n = std::get_if<Scalars>(&node.what)) return length_of(n->computes);
  if (const DenseKernel* n = std::get_if<DenseKernel>(&node.what)) {
    return std::visit([](const auto& k) { return length(k); }, *n);
  }
  if (const Call* n = std::get_if<Call>(&node.what)) return length(*n);
  std::int64_t all = 1;
  if (const Tiles* n = std::get_if<Tiles>(&node.what)) {
    for (const Kernel& k : n->kernels) all += length_of(k);
  }
  return std::holds_alternative<FoldSlots>(node.what) ? kLoop : all;
}

std::int64_t length_of(const Nodes& nodes) {
  std::int64_t all = 0;
  for (const Node& node : nodes) {
    all += length_of(node);
    for (const Nodes* list : inside(node)) all += length_of(*list);
  }
  return all;
}

std::int64_t Pieces::least(const Nodes& body) const {
  return length_of(body) > kLists * longest ? longest / 4 : longest;
}

Ref Row::add(Dtype dtype, std::int64_t elements) {
  const auto [found, fresh] = buffers_.emplace(dtype, int(plan_.buffers.size()));
  if (fresh) plan_.buffers.push_back(between(space_, dtype));
  Buffer& b = plan_.buffer(found->second);
  const bool local = space_ == Buffer::Space::Local;
  const std::int64_t before = fresh ? 0 : local ? b.elements : b.count.constant();
  if (local) {
    b.elements = before + elements;
  } else {
    b.count = Dim(before + elements);
  }
  return {found->second, -1, {}, before};
}

Pieces::Pieces(Plan& whole, std::int64_t limit) : plan(whole), longest(limit) {
  for (const Function& f : plan.functions) note_constants(f.body, constants_);
  note_constants(plan.body, constants_);
}

int Pieces::add(int owner, Function piece) {
  made_.push_back({owner, std::move(piece)});
  return int(plan.functions.size() + made_.size()) - 1;
}

std::string Pieces::name(int owner) {
  const bool entry = std::size_t(owner) == plan.functions.size();
  const std::string of = entry ? "entry" : plan.functions[std::size_t(owner)].name;
  return fmt::format("{}_piece_{}", of, made_.size());
}

void Pieces::take_constants(const std::vector<int>& scalars, Function& piece) const {
  Scalars taken;
  for (const int scalar : std::set<int>(scalars.begin(), scalars.end())) {
    const auto found = constants_.find(scalar);
    if (found == constants_.end()) continue;
    taken.computes.push_back(found->second);
    taken.results.push_back(scalar);
  }
  if (!taken.computes.empty()) piece.body.insert(piece.body.begin(), Node{std::move(taken)});
}

void Pieces::put() {
  const std::size_t before = plan.functions.size();
  std::vector<int> place(before + made_.size());
  std::vector<Function> all;
  for (std::size_t owner = 0; owner <= before; ++owner) {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      if (made_[i].owner != int(owner)) continue;
      place[before + i] = int(all.size());
      all.push_back(std::move(made_[i].function));
    }
    if (owner == before) break;
    place[owner] = int(all.size());
    all.push_back(std::move(plan.functions[owner]));
  }
  made_.clear();
  plan.functions = std::move(all);
  const auto renumber = [&](int& function) { function = place[std::size_t(function)]; };
  for (Function& f : plan.functions) each_call(f.body, renumber);
  each_call(plan.body, renumber);
}

void cut_functions(Plan& plan, std::int64_t longest) {
  pass_in_memory(plan, std::size_t(longest / kPassed));
  Pieces tiles(plan, longest);
  cut_tiles(tiles);
  tiles.put();
  Pieces nodes(plan, std::max<std::int64_t>(1, longest / kNodes));
  cut_nodes(nodes);
  nodes.put();
}

}  // namespace nodec::lowering
