// The text of such functions, and their calls.
#include "compiler/lower/long_calls.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "compiler/lower/node_pieces.h"
#include "ir/plan_scalars.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

// Where the scalars of a function lie, in order.
struct InMemory {
  std::vector<Ref> parameters, results;
};

// Loads each parameter just before the node that reads it first, and stores each result where it is
// made; what is not made here, a parameter or a constant, or is given twice, at the end.
Nodes with_own_scalars(Function& f, const InMemory& places) {
  std::map<int, Ref> unread, unmade;
  for (std::size_t i = 0; i < f.scalars.size(); ++i)
    unread.emplace(f.scalars[i], places.parameters[i]);
  Nodes last;
  for (std::size_t i = 0; i < f.results.size(); ++i) {
    const auto [place, first] = unmade.emplace(f.results[i], places.results[i]);
    if (!first) last.push_back({StoreScalar{f.results[i], places.results[i]}});
  }
  Nodes all;
  const auto load_all = [&](const std::vector<int>& scalars) {
    for (const int each : scalars) {
      const auto found = unread.extract(each);
      if (found) append(all, Node{LoadScalar{found.mapped(), each}});
    }
  };
  for (Node& node : in_parts(std::exchange(f.body, {}))) {
    const ScalarUses uses = all_scalars_of(node);
    load_all(uses.read);
    append(all, std::move(node));
    for (const int each : uses.made) {
      const auto found = unmade.extract(each);
      if (found) append(all, Node{StoreScalar{each, found.mapped()}});
    }
  }
  for (const auto& [scalar, place] : unmade) last.push_back({StoreScalar{scalar, place}});
  load_all(f.results);
  append(all, std::move(last));
  return all;
}

void pass(Nodes& nodes, const std::map<int, InMemory>& places) {
  Nodes all;
  for (Node& node : nodes) {
    for (Nodes* list : inside(node)) pass(*list, places);
    Call* call = std::get_if<Call>(&node.what);
    const auto found = call ? places.find(call->function) : places.end();
    if (found == places.end()) {
      all.push_back(std::move(node));
      continue;
    }
    const auto& [parameters, results] = found->second;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      all.push_back({StoreScalar{call->arguments[i], parameters[i]}});
    }
    const std::vector<int> made = std::exchange(call->results, {});
    call->arguments.clear();
    all.push_back(std::move(node));
    for (std::size_t i = 0; i < results.size(); ++i) {
      all.push_back({LoadScalar{results[i], made[i]}});
    }
  }
  nodes = std::move(all);
}

}  // namespace

void pass_in_memory(Plan& plan, std::size_t most) {
  Row memory(plan, Buffer::Space::Scalars);
  const auto places_of = [&](const std::vector<int>& scalars) {
    std::vector<Ref> places;
    for (const int each : scalars) places.push_back(memory.add(plan.scalars[std::size_t(each)], 1));
    return places;
  };
  std::map<int, InMemory> places;
  for (std::size_t i = 0; i < plan.functions.size(); ++i) {
    Function& f = plan.functions[i];
    if (!f.team || f.scalars.size() + f.results.size() <= most) continue;
    const InMemory& own =
        places.emplace(int(i), InMemory{places_of(f.scalars), places_of(f.results)}).first->second;
    f.body = with_own_scalars(f, own);
    f.scalars.clear(), f.scalar_dtypes.clear(), f.results.clear();
  }
  if (places.empty()) return;
  for (Function& f : plan.functions) pass(f.body, places);
  pass(plan.body, places);
}

}  // namespace nodec::lowering
