// Lists in units, and runs of those that move.
#include "compiler/lower/node_pieces.h"

#include <algorithm>
#include <utility>

#include "ir/plan_visit.h"

namespace nodec::lowering {

using namespace plan;

namespace {

constexpr std::int64_t kPhases = 20;      // lists that a function may have with its phases in it
constexpr std::int64_t kFrameParts = 64;  // scalars of a long frame that stay together

// A part of a node, as far as nodes can be parted.
struct Unit {
  Node node;
  bool moves = false;
  std::int64_t length = 0;
};

class Division {
 public:
  Division(Pieces& pieces, const Nodes& body)
      : pieces_(pieces),
        least_(pieces.least(body)),
        phases_(length_of(body) > kPhases * pieces.longest) {}

  void divide(Nodes& nodes, bool team) {
    for (Node& node : nodes) {
      const bool phase = std::holds_alternative<Phase>(node.what);
      for (Nodes* list : inside(node)) divide(*list, team && !phase);
    }
    if (!is_long(nodes, team)) return;
    std::vector<Unit> all = units(nodes, team);
    nodes.clear();
    for (std::size_t first = 0; first < all.size();) {
      std::int64_t length = 0;
      std::size_t end = first;
      for (; end < all.size() && all[end].moves; ++end) length += all[end].length;
      if (length <= least_) {
        for (end = std::max(end, first + 1); first < end; ++first) {
          append(nodes, std::move(all[first].node));
        }
        continue;
      }
      std::int64_t taken = pieces_.longest;
      for (; first < end; ++first) {
        if (taken + all[first].length > pieces_.longest) {
          bodies.emplace_back();
          nodes.push_back({Call{-int(bodies.size()), {}, {}}});
          taken = 0;
        }
        taken += all[first].length;
        append(bodies.back(), std::move(all[first].node));
      }
    }
  }

  std::vector<Nodes> bodies;  // of pieces

 private:
  bool moves(const Node& node, bool team) const {
    if (std::holds_alternative<Scalars>(node.what)) return true;
    if (!team) return false;
    if (std::holds_alternative<Phase>(node.what) || std::holds_alternative<ClearSlots>(node.what)) {
      return phases_ && !calls_pieces(node);
    }
    if (std::holds_alternative<If>(node.what) || std::holds_alternative<While>(node.what)) {
      return whole_length(node) <= pieces_.longest &&
             std::ranges::all_of(inside(node), [&](const Nodes* list) {
               return std::ranges::all_of(*list, [&](const Node& n) {
                 return std::holds_alternative<TapeFrame>(n.what) || moves(n, team);
               });
             });
    }
    if (const Call* call = std::get_if<Call>(&node.what)) return call->function >= 0;
    return std::holds_alternative<LoadScalar>(node.what) ||
           std::holds_alternative<StoreScalar>(node.what) ||
           std::holds_alternative<DenseKernel>(node.what) ||
           std::holds_alternative<FoldSlots>(node.what);
  }

  // Those of lists inside it, which are called by numbers of their own until all are made.
  static bool calls_pieces(const Node& node) {
    const Call* call = std::get_if<Call>(&node.what);
    if (call && call->function < 0) return true;
    return std::ranges::any_of(
        inside(node), [](const Nodes* list) { return std::ranges::any_of(*list, calls_pieces); });
  }

  static std::int64_t whole_length(const Node& node) {
    std::int64_t all = length_of(node);
    for (const Nodes* list : inside(node)) all += length_of(*list);
    return all;
  }

  bool is_long(const Nodes& nodes, bool team) const {
    std::int64_t run = 0;
    for (const Node& node : nodes) {
      if (const TapeFrame* frame = std::get_if<TapeFrame>(&node.what)) {
        const auto most = std::int64_t(std::max(frame->loads.size(), frame->stores.size()));
        if (team && most > pieces_.longest) return true;
      }
      run = moves(node, team) ? run + whole_length(node) : 0;
      if (const Scalars* scalars = std::get_if<Scalars>(&node.what)) {
        for (const int each : scalars->results) run -= pieces_.is_constant(each);
      }
      if (run > least_) return true;
    }
    return false;
  }

  // Constants stay, and are made again where they are used.
  std::vector<Unit> units(Nodes& nodes, bool team) {
    std::vector<Unit> all;
    for (Node& node : nodes) {
      Scalars* scalars = std::get_if<Scalars>(&node.what);
      TapeFrame* frame = std::get_if<TapeFrame>(&node.what);
      if (frame && team) {
        part(*frame, all);
      } else if (!scalars) {
        const bool can = moves(node, team);
        const std::int64_t length = whole_length(node);
        all.push_back({std::move(node), can, length});
      }
      for (std::size_t i = 0; scalars && i < scalars->computes.size(); ++i) {
        const bool constant = pieces_.is_constant(scalars->results[i]);
        Node one{Scalars{{std::move(scalars->computes[i])}, {scalars->results[i]}}};
        const bool can = !constant && moves(one, team);
        const std::int64_t length = length_of(one);
        all.push_back({std::move(one), can, length});
      }
    }
    return all;
  }

  // A frame is found where it was; its scalars, if they are many, are read and written by pieces
  // that find it again.
  void part(TapeFrame& frame, std::vector<Unit>& all) {
    std::vector<Unit> parts;
    for (const auto list : {&TapeFrame::loads, &TapeFrame::stores}) {
      if (std::int64_t((frame.*list).size()) <= pieces_.longest) continue;
      const std::vector<TapeFrame::Part> whole = std::exchange(frame.*list, {});
      const auto together = std::ptrdiff_t(std::min(kFrameParts, pieces_.longest));
      for (auto first = whole.begin(); first != whole.end();) {
        const auto last = first + std::min(together, whole.end() - first);
        TapeFrame part{frame.tape, frame.number, frame.index, pieces_.plan.frames++,
                       {},         {},           {},          frame.writes};
        (part.*list).assign(first, last);
        parts.push_back({{std::move(part)}, true, last - first});
        first = last;
      }
    }
    all.push_back({{std::move(frame)}, false, 1});
    for (Unit& each : parts) all.push_back(std::move(each));
  }

  Pieces& pieces_;
  const std::int64_t least_;  // shorter lists stay
  const bool phases_;         // move too
};

}  // namespace

std::vector<Nodes> take_pieces(Pieces& pieces, Nodes& body) {
  Division division(pieces, body);
  division.divide(body, true);
  return std::move(division.bodies);
}

Nodes in_parts(Nodes nodes) {
  Nodes parts;
  for (Node& node : nodes) {
    Scalars* scalars = std::get_if<Scalars>(&node.what);
    if (!scalars) parts.push_back(std::move(node));
    for (std::size_t i = 0; scalars && i < scalars->computes.size(); ++i) {
      parts.push_back({Scalars{{std::move(scalars->computes[i])}, {scalars->results[i]}}});
    }
  }
  return parts;
}

void append(Nodes& to, Node node) {
  Scalars* last = to.empty() ? nullptr : std::get_if<Scalars>(&to.back().what);
  Scalars* more = std::get_if<Scalars>(&node.what);
  if (!last || !more) return to.push_back(std::move(node));
  for (Compute& c : more->computes) last->computes.push_back(std::move(c));
  last->results.insert(last->results.end(), more->results.begin(), more->results.end());
}

void append(Nodes& to, Nodes nodes) {
  for (Node& node : nodes) append(to, std::move(node));
}

}  // namespace nodec::lowering
