// Nodes of one list as functions of the team. Lists are divided first (node_pieces.h); then it is
// known which scalars are made in one place and read in another, a place being a piece, or what is
// left of the owner; those lie in memory, in one buffer for each dtype. A place loads them just
// before the node that reads them (a piece once, what is left of the owner each time), loops and
// branches included, and stores what it makes for others at once.
#include <algorithm>
#include <set>

#include "compiler/lower/node_pieces.h"
#include "ir/plan_scalars.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

constexpr int kOwner = -1;

class NodeCut {
 public:
  NodeCut(Pieces& pieces, int owner, Row& memory)
      : pieces_(pieces), owner_(owner), memory_(memory) {}

  // `f`: null for the entry.
  void run(Nodes& body, const Function* f) {
    bodies_ = take_pieces(pieces_, body);
    if (bodies_.empty()) return;
    for (std::size_t p = 0; p < bodies_.size(); ++p) {
      for (const Node& node : bodies_[p]) note(node, int(p));
    }
    for (const Node& node : body) note(node, kOwner);
    if (f) read(f->results, kOwner);
    for (std::size_t p = 0; p < bodies_.size(); ++p) finish_piece(int(p));
    finish(body);
    if (f) {
      append(body, loads(f->results));
      Nodes first = stores(f->scalars);
      body.insert(body.begin(), std::make_move_iterator(first.begin()),
                  std::make_move_iterator(first.end()));
    }
  }

 private:
  void made(const std::vector<int>& scalars, int place) {
    for (const int each : scalars) maker_[each] = place;
  }
  void read(const std::vector<int>& scalars, int place) {
    for (const int each : scalars) {
      if (!pieces_.is_constant(each)) readers_[each].insert(place);
    }
  }

  void note(const Node& node, int place) {
    const ScalarUses uses = all_scalars_of(node);
    read(uses.read, place);
    made(uses.made, place);
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

  Ref slot(int scalar) {
    const auto known = slots_.find(scalar);
    if (known != slots_.end()) return known->second;
    const Ref made = memory_.add(pieces_.plan.scalars[std::size_t(scalar)], 1);
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

  // Whose addresses are the owner's: used here, and not found here.
  std::set<int> frames_of(const Nodes& nodes) const {
    std::set<int> used, found;
    note_frames(nodes, used, found);
    std::erase_if(used, [&](int frame) { return found.contains(frame); });
    return used;
  }

  void note_frames(const Nodes& nodes, std::set<int>& used, std::set<int>& found) const {
    for (const Node& node : nodes) {
      if (const TapeFrame* frame = std::get_if<TapeFrame>(&node.what)) found.insert(frame->frame);
      for (const Nodes* list : inside(node)) note_frames(*list, used, found);
      each_call_of(node, [&](int function) {
        const std::vector<int>& passed = pieces_.plan.functions[std::size_t(function)].frames;
        used.insert(passed.begin(), passed.end());
      });
      const plan::Uses uses = uses_of(node);
      for (const auto* ids : {&uses.read, &uses.written}) {
        for (const int id : *ids) {
          const Buffer& b = pieces_.plan.buffer(id);
          if (b.tape >= 0) used.insert(b.index);
        }
      }
    }
  }

  // Each scalar is loaded just before it is first read, and stored where it is made, so that it is
  // in a register for no longer than it must.
  void finish_piece(int p) {
    Function piece;
    piece.name = pieces_.name(owner_);
    piece.team = true;
    const std::set<int> frames = frames_of(bodies_[std::size_t(p)]);
    piece.frames.assign(frames.begin(), frames.end());
    std::set<int> known;
    std::vector<int> read;
    for (Node& node : in_parts(std::move(bodies_[std::size_t(p)]))) {
      ScalarUses uses = all_scalars_of(node);
      // A constant of a branch is made there.
      known.insert(uses.made.begin(), uses.made.end());
      std::erase_if(uses.read, [&](int scalar) { return known.contains(scalar); });
      known.insert(uses.read.begin(), uses.read.end());
      read.insert(read.end(), uses.read.begin(), uses.read.end());
      append(piece.body, loads(uses.read, p));
      append(piece.body, std::move(node));
      append(piece.body, stores(uses.made, p));
    }
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
      append(all, loads(uses.read));
      const auto lists = inside(node);
      for (std::size_t i = 0; i < lists.size(); ++i) {
        finish(*lists[i]);
        append(*lists[i], loads(taken_from(node, i)));
        if (!std::holds_alternative<While>(node.what)) continue;
        Nodes enter = stores(uses.made);
        lists[i]->insert(lists[i]->begin(), std::make_move_iterator(enter.begin()),
                         std::make_move_iterator(enter.end()));
      }
      all.push_back(std::move(node));
      append(all, stores(uses.made));
    }
    nodes = std::move(all);
  }

  Pieces& pieces_;
  const int owner_;
  Row& memory_;                // the plan's
  std::vector<Nodes> bodies_;  // of pieces
  std::vector<int> numbers_;   // as functions of the plan
  std::map<int, int> maker_;   // of a scalar
  std::map<int, std::set<int>> readers_;
  std::map<int, Ref> slots_;
};

}  // namespace

void cut_nodes(Pieces& pieces) {
  Plan& plan = pieces.plan;
  Row memory(plan, Buffer::Space::Scalars);
  for (std::size_t i = 0; i <= plan.functions.size(); ++i) {
    const bool entry = i == plan.functions.size();
    if (!entry && !plan.functions[i].team) continue;
    Nodes& body = entry ? plan.body : plan.functions[i].body;
    NodeCut(pieces, int(i), memory).run(body, entry ? nullptr : &plan.functions[i]);
  }
}

}  // namespace nodec::lowering
