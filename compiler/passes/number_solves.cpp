// Solves in the order in which the program writes them, those in bodies behind the op that holds
// them.
#include "compiler/passes/number_solves.h"

#include <algorithm>
#include <unordered_set>

#include "ir/abi.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

struct Numbered {
  Op* solve;
  std::int64_t site;
};

void collect(const Region& region, bool derived, std::vector<Numbered>& solves) {
  std::unordered_set<const Op*> stopping;
  for (const auto& op : region.ops) {
    if (op->primitive == &fail_if_p) stopping.insert(op->operands[0]->op);
  }
  for (const auto& op : region.ops) {
    const bool numbered = op->attrs.has("site"), stops = derived || stopping.contains(op.get());
    if (op->primitive == &solve_p && (numbered || stops)) {
      solves.push_back({op.get(), op->attrs.get_or<std::int64_t>("site", -1)});
    }
    const bool inside = derived || op->primitive == &vjp_p;
    for (const auto& inner : op->regions) collect(*inner, inside, solves);
  }
}

std::vector<Numbered> numbered(const Graph& graph) {
  std::vector<Numbered> solves;
  collect(graph.body, false, solves);
  std::int64_t next = 0;
  for (const Numbered& each : solves) next = std::max(next, each.site + 1);
  for (Numbered& each : solves) {
    if (each.site < 0 && next < kMostSites) each.site = next++;
  }
  return solves;
}

template <class F>
void each_op(const Region& region, F&& f) {
  for (const auto& op : region.ops) {
    f(*op);
    for (const auto& inner : op->regions) each_op(*inner, f);
  }
}

// The ops that stop the program for a solve stand beside it, and are told by its line.
void number_stops(const Region& region) {
  for (const auto& op : region.ops) {
    for (const auto& inner : op->regions) number_stops(*inner);
    if (op->primitive != &fail_if_p || op->attrs.has("site")) continue;
    const Op* solve = op->operands[0]->op;
    if (solve == nullptr || solve->primitive != &solve_p || !solve->attrs.has("site")) continue;
    op->attrs.set("site", *solve->attrs.find("site"));
    op->where = solve->where;
  }
}

}  // namespace

void number_solves(Graph& graph) {
  for (const auto& [solve, site] : numbered(graph)) {
    if (site >= 0) solve->attrs.set("site", site);
  }
  number_stops(graph.body);
}

void number_stops(Graph& graph) {
  std::int64_t next = 0;
  each_op(graph.body, [&](const Op& op) {
    next = std::max(next, op.attrs.get_or<std::int64_t>("site", -1) + 1);
  });
  each_op(graph.body, [&](Op& op) {
    const bool stops = op.primitive == &fail_if_p && op.attrs.has("op") && !op.attrs.has("site");
    if (stops && next < kMostSites) op.attrs.set("site", next++);
  });
}

void remember_lines(const Graph& traced, Signature& signature) {
  std::int64_t number = 0;
  each_op(traced.body, [&](const Op& op) {
    for (Site& site : signature.sites) {
      if (site.traced < 0 && site.where.known() && site.where == op.where) site.traced = number;
    }
    ++number;
  });
}

void move_lines(const Graph& traced, Signature& signature) {
  std::vector<SourceLine> lines;
  each_op(traced.body, [&](const Op& op) { lines.push_back(op.where); });
  for (Site& site : signature.sites) {
    const bool known = site.traced >= 0 && site.traced < std::ssize(lines);
    site.where = known ? lines[std::size_t(site.traced)] : SourceLine{};
  }
}

}  // namespace nodec
