// Nodes of one list as functions of the team. Lists are divided first; then it is known which
// scalars are made in one place and read in another, a place being a piece, or what is left of the
// owner; those lie in memory, in one buffer for each dtype. A piece loads what it reads when it
// begins and stores what others read when it ends. The rest of the owner loads just before the node
// that reads, loops and branches included, and stores what it makes for pieces at once.
#include <algorithm>
#include <set>

#include "compiler/lower/cut.h"
#include "ir/plan_scalars.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

constexpr int kOwner = -1;
constexpr std::int64_t kFrameParts = 64;  // scalars of a long frame that stay together

// A part of a node, as far as nodes can be parted.
struct Unit {
  Node node;
  bool moves = false;
  std::int64_t length = 0;
};

class NodeCut {
 public:
  NodeCut(Pieces& pieces, int owner, std::map<Dtype, int>& memory)
      : pieces_(pieces), owner_(owner), memory_(memory) {}

  // `f`: null for the entry.
  void run(Nodes& body, const Function* f) {
    least_ = pieces_.least(body);
    divide(body, true);
    if (bodies_.empty()) return;
    for (std::size_t p = 0; p < bodies_.size(); ++p) {
      for (const Node& node : bodies_[p]) note(node, int(p));
    }
    note(body);
    if (f) read(f->results, kOwner);
    for (std::size_t p = 0; p < bodies_.size(); ++p) finish_piece(int(p));
    finish(body);
    if (f) {
      put(body, loads(f->results));
      Nodes first = stores(f->scalars);
      body.insert(body.begin(), std::make_move_iterator(first.begin()),
                  std::make_move_iterator(first.end()));
    }
  }

 private:
  Plan& plan() { return pieces_.plan; }

  // ---- which nodes go to which piece ----

  bool moves(const Node& node, bool team) const {
    if (std::holds_alternative<Scalars>(node.what)) return true;
    return team && (std::holds_alternative<LoadScalar>(node.what) ||
                    std::holds_alternative<StoreScalar>(node.what) ||
                    std::holds_alternative<DenseKernel>(node.what) ||
                    std::holds_alternative<FoldSlots>(node.what));
  }

  bool is_long(const Nodes& nodes, bool team) const {
    std::int64_t run = 0;
    for (const Node& node : nodes) {
      if (const TapeFrame* frame = std::get_if<TapeFrame>(&node.what)) {
        const auto most = std::int64_t(std::max(frame->loads.size(), frame->stores.size()));
        if (team && most > pieces_.longest) return true;
      }
      run = moves(node, team) ? run + length_of(node) : 0;
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
        const std::int64_t length = length_of(node);
        all.push_back({std::move(node), can, length});
      }
      for (std::size_t i = 0; scalars && i < scalars->computes.size(); ++i) {
        const bool constant = pieces_.is_constant(scalars->results[i]);
        Node one{Scalars{{std::move(scalars->computes[i])}, {scalars->results[i]}}};
        const bool can = !constant && moves(one, team);
        all.push_back({std::move(one), can, 1});
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
        TapeFrame part{frame.tape, frame.index, plan().frames++, {}, {}, {}, frame.writes};
        (part.*list).assign(first, last);
        parts.push_back({{std::move(part)}, true, last - first});
        first = last;
      }
    }
    all.push_back({{std::move(frame)}, false, 1});
    for (Unit& each : parts) all.push_back(std::move(each));
  }

  static void put(Nodes& to, Node node) {
    Scalars* last = to.empty() ? nullptr : std::get_if<Scalars>(&to.back().what);
    Scalars* more = std::get_if<Scalars>(&node.what);
    if (!last || !more) return to.push_back(std::move(node));
    for (Compute& c : more->computes) last->computes.push_back(std::move(c));
    last->results.insert(last->results.end(), more->results.begin(), more->results.end());
  }
  static void put(Nodes& to, Nodes nodes) {
    for (Node& node : nodes) put(to, std::move(node));
  }

  // Runs of what moves become calls, which name their piece as -1, -2, ...
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
          put(nodes, std::move(all[first].node));
        }
        continue;
      }
      std::int64_t taken = pieces_.longest;
      for (; first < end; ++first) {
        if (taken + all[first].length > pieces_.longest) {
          bodies_.emplace_back();
          nodes.push_back({Call{-int(bodies_.size()), {}, {}}});
          taken = 0;
        }
        taken += all[first].length;
        put(bodies_.back(), std::move(all[first].node));
      }
    }
  }

  // ---- which scalars go from one place to another ----

  void made(const std::vector<int>& scalars, int place) {
    for (const int each : scalars) maker_[each] = place;
  }
  void read(const std::vector<int>& scalars, int place) {
    for (const int each : scalars) {
      if (!pieces_.is_constant(each)) readers_[each].insert(place);
    }
  }

  void note(const Node& node, int place) {
    const ScalarUses uses = scalars_of(node);
    read(uses.read, place);
    made(uses.made, place);
  }

  void note(const Nodes& nodes) {
    for (const Node& node : nodes) {
      note(node, kOwner);
      const auto lists = inside(node);
      for (std::size_t i = 0; i < lists.size(); ++i) {
        note(*lists[i]);
        read(taken_from(node, i), kOwner);
      }
    }
  }

  int maker(int scalar) const {
    const auto found = maker_.find(scalar);
    return found == maker_.end() ? kOwner : found->second;
  }

  bool crosses(int scalar) const {
    const auto found = readers_.find(scalar);
    if (found == readers_.end()) return false;
    return found->second.size() > 1 || *found->second.begin() != maker(scalar);
  }

  // ---- memory between them ----

  Ref slot(int scalar) {
    const auto known = slots_.find(scalar);
    if (known != slots_.end()) return known->second;
    const Dtype dtype = plan().scalars[std::size_t(scalar)];
    const auto [found, fresh] = memory_.emplace(dtype, int(plan().buffers.size()));
    if (fresh) {
      Buffer b = between(Buffer::Space::Scalars, dtype);
      b.count = Dim(0);
      plan().buffers.push_back(std::move(b));
    }
    Buffer& b = plan().buffers[std::size_t(found->second)];
    const Ref made{found->second, -1, {}, b.count.constant()};
    b.count = b.count + Dim(1);
    return slots_.emplace(scalar, made).first->second;
  }

  // Of those that `place` reads and another makes.
  Nodes loads(const std::vector<int>& scalars, int place = kOwner) {
    Nodes all;
    for (const int each : std::set<int>(scalars.begin(), scalars.end())) {
      if (pieces_.is_constant(each) || !crosses(each) || maker(each) == place) continue;
      all.push_back({LoadScalar{slot(each), each}});
    }
    return all;
  }

  // Of those that `place` makes and others read.
  Nodes stores(const std::vector<int>& scalars, int place = kOwner) {
    Nodes all;
    for (const int each : std::set<int>(scalars.begin(), scalars.end())) {
      if (maker(each) == place && crosses(each)) all.push_back({StoreScalar{each, slot(each)}});
    }
    return all;
  }

  // Whose addresses are the owner's.
  std::set<int> frames_of(const Nodes& nodes) const {
    std::set<int> frames;
    for (const Node& node : nodes) {
      const plan::Uses uses = uses_of(node);
      for (const auto* ids : {&uses.read, &uses.written}) {
        for (const int id : *ids) {
          const Buffer& b = pieces_.plan.buffers[std::size_t(id)];
          if (b.tape >= 0) frames.insert(b.index);
        }
      }
    }
    return frames;
  }

  void finish_piece(int p) {
    std::vector<int> read, made;
    for (const Node& node : bodies_[std::size_t(p)]) {
      const ScalarUses uses = scalars_of(node);
      read.insert(read.end(), uses.read.begin(), uses.read.end());
      made.insert(made.end(), uses.made.begin(), uses.made.end());
    }
    Function piece;
    piece.name = pieces_.name(owner_);
    piece.team = true;
    piece.body = loads(read, p);
    const std::set<int> frames = frames_of(bodies_[std::size_t(p)]);
    piece.frames.assign(frames.begin(), frames.end());
    put(piece.body, std::move(bodies_[std::size_t(p)]));
    put(piece.body, stores(made, p));
    pieces_.take_constants(read, piece);
    numbers_.push_back(pieces_.add(owner_, std::move(piece)));
  }

  void finish(Nodes& nodes) {
    Nodes all;
    for (Node& node : nodes) {
      Call* call = std::get_if<Call>(&node.what);
      if (call && call->function < 0) {
        call->function = numbers_[std::size_t(-call->function) - 1];
        all.push_back(std::move(node));
        continue;
      }
      const ScalarUses uses = scalars_of(node);
      put(all, loads(uses.read));
      const auto lists = inside(node);
      for (std::size_t i = 0; i < lists.size(); ++i) {
        finish(*lists[i]);
        put(*lists[i], loads(taken_from(node, i)));
        if (!std::holds_alternative<While>(node.what)) continue;
        Nodes enter = stores(uses.made);
        lists[i]->insert(lists[i]->begin(), std::make_move_iterator(enter.begin()),
                         std::make_move_iterator(enter.end()));
      }
      all.push_back(std::move(node));
      put(all, stores(uses.made));
    }
    nodes = std::move(all);
  }

  Pieces& pieces_;
  const int owner_;
  std::int64_t least_ = 0;        // shorter lists stay
  std::map<Dtype, int>& memory_;  // the plan's, by what lies there
  std::vector<Nodes> bodies_;     // of pieces
  std::vector<int> numbers_;      // as functions of the plan
  std::map<int, int> maker_;      // of a scalar
  std::map<int, std::set<int>> readers_;
  std::map<int, Ref> slots_;
};

}  // namespace

void cut_nodes(Pieces& pieces) {
  Plan& plan = pieces.plan;
  std::map<Dtype, int> memory;
  for (std::size_t i = 0; i <= plan.functions.size(); ++i) {
    const bool entry = i == plan.functions.size();
    if (!entry && !plan.functions[i].team) continue;
    Nodes& body = entry ? plan.body : plan.functions[i].body;
    NodeCut(pieces, int(i), memory).run(body, entry ? nullptr : &plan.functions[i]);
  }
}

}  // namespace nodec::lowering
