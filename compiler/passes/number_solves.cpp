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

std::vector<SourceLine> solve_lines(const Graph& graph) {
  std::vector<SourceLine> lines;
  for (const auto& [solve, site] : numbered(graph)) {
    if (site < 0 || site >= kMostSites) continue;
    if (lines.size() <= std::size_t(site)) lines.resize(std::size_t(site) + 1);
    lines[std::size_t(site)] = solve->where;
  }
  return lines;
}

}  // namespace nodec
