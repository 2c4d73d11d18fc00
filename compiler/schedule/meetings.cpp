// Meetings, by following what each thread may see of the others' work.
//
// Per buffer we know how its last accesses since a meeting were shared out: by chunks (always the
// same thread for the same chunk), to the first thread alone, or otherwise. Two accesses, one of
// them a write, need a meeting between them unless both were by chunks or both by the first thread.
// Work that every thread does reads like the latter and writes, where others see it, like the first
// thread; nobody meets for what is a thread's own.
// A loop's body is walked twice, the second time from the state its end leaves, so that turns of
// the loop are kept apart as well; one meeting before it is better than one in each turn. A call is
// all that its function does at once, and the function is walked on its own.
#include "compiler/schedule/meetings.h"

#include <algorithm>
#include <climits>
#include <functional>
#include <map>
#include <optional>

#include "compiler/schedule/loop_walks.h"
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

enum class Share : std::uint8_t { Chunks, First, Other };

// A buffer, or a tape (counted down from -2) and the part of its frames; -1 is their scalars.
using Key = std::pair<int, int>;

struct Seen {
  // The weakest sharing of the accesses since the last meeting.
  std::map<Key, Share> read, written;

  static void add(std::map<Key, Share>& to, Key key, Share how) {
    const auto [found, fresh] = to.emplace(key, how);
    if (!fresh && how != found->second) found->second = Share::Other;
  }
  void join(const Seen& other) {
    for (const auto& [key, how] : other.read) add(read, key, how);
    for (const auto& [key, how] : other.written) add(written, key, how);
  }
  bool operator==(const Seen&) const = default;
};

class Meetings {
 public:
  Meetings(const Plan& plan, const Schedule& schedule) : plan_(plan), schedule_(schedule) {}

  std::map<int, std::string> run() {
    for (const Function& f : plan_.functions) {
      Seen seen;
      if (f.team) walk(f.body, seen);
      touched_.push_back(f.team ? touches(f.body, false) : Seen{});
    }
    Seen seen;
    walk(plan_.body, seen);
    return std::move(found_);
  }

 private:
  const Plan& plan_;
  const Schedule& schedule_;
  std::map<int, std::string> found_;
  std::vector<Seen> touched_;  // by each function of the team: callees stand before callers

  struct Inside {  // numbers of a loop's nodes
    int first = INT_MAX, last = -1;
  };
  using From = std::pair<Seen, std::map<int, std::string>>;  // and the loop's meetings so far
  LoopWalks<From> loops_;
  std::map<const While*, Inside> inside_;
  std::map<const Node*, Seen> touches_;  // in all, by a loop

  int tape_key(int tape) const { return -2 - plan_.standing_for(tape); }

  // Frames are told apart at run time only, their parts here. Varying parts are touched by chunks
  // alone, so they may share a key.
  Key key(int buffer) const {
    const Buffer& b = plan_.buffer(buffer);
    if (b.space == Buffer::Space::Frame) return {-1, 0};
    if (b.space == Buffer::Space::FrameDense) return {tape_key(b.tape), b.part};
    return {plan_.array_of(buffer), 0};
  }

  Place::Kind place(int buffer) const { return schedule_.places[std::size_t(buffer)].kind; }
  bool is_own(int buffer) const {
    const Place::Kind kind = place(buffer);
    return kind == Place::Kind::Stack || kind == Place::Kind::Shared ||
           kind == Place::Kind::Member || kind == Place::Kind::Own;
  }

  // Inside a phase. Rows and ports are written by whoever owns the chunk, but read by anybody.
  Share share(int buffer) const {
    const bool by_chunks =
        place(buffer) == Place::Kind::Arena || place(buffer) == Place::Kind::Chunk ||
        place(buffer) == Place::Kind::Slots || plan_.buffer(buffer).space == Buffer::Space::Frame;
    return by_chunks ? Share::Chunks : Share::Other;
  }

  Who who(const Node& node) const {
    if (std::holds_alternative<StoreScalar>(node.what)) return Who::First;
    const bool dense = std::holds_alternative<DenseKernel>(node.what);
    return dense ? schedule_.loops.at(std::size_t(node.kernel)).who : Who::Team;
  }

  // What `node` and all inside it touches; `in_phase`: by chunks where the buffer allows it.
  Seen touches(const Node& node, bool in_phase) {
    Seen seen;
    const Who by = who(node);
    const auto note = [&](std::map<Key, Share>& to, int buffer, bool first) {
      if (is_own(buffer)) return;
      Seen::add(to, key(buffer), first ? Share::First : in_phase ? share(buffer) : Share::Other);
    };
    const Uses uses = uses_of(node);
    if (std::holds_alternative<DenseKernel>(node.what)) {
      for (const Claim& claim : schedule_.loops.at(std::size_t(node.kernel)).claims) {
        note(seen.written, claim.buffer, false);
      }
    }
    for (const int b : uses.read) note(seen.read, b, by == Who::First);
    for (const int b : uses.written) note(seen.written, b, by != Who::Team);
    if (const TapeFrame* frame = std::get_if<TapeFrame>(&node.what)) {
      const Key scalars{tape_key(frame->tape), -1};
      if (!frame->loads.empty()) Seen::add(seen.read, scalars, Share::Other);
      if (!frame->stores.empty()) Seen::add(seen.written, scalars, Share::First);
    }
    if (const Call* call = std::get_if<Call>(&node.what)) {
      seen.join(touched_[std::size_t(call->function)]);
    }
    for (const Function* f : placed_in(node)) seen.join(touches(f->body, true));
    for (const Nodes* list : inside(node)) {
      seen.join(touches(*list, in_phase || std::holds_alternative<Phase>(node.what)));
    }
    return seen;
  }

  // What was cut out of a list of kernels belongs to it.
  std::vector<const Function*> placed_in(const Node& node) const {
    std::vector<const Function*> all;
    const Tiles* tiles = std::get_if<Tiles>(&node.what);
    for (std::size_t i = 0; tiles && i < tiles->kernels.size(); ++i) {
      const Invoke* call = std::get_if<Invoke>(&tiles->kernels[i]);
      if (!call) continue;
      const Function& f = plan_.functions[std::size_t(call->function)];
      if (f.placed) all.push_back(&f);
    }
    return all;
  }

  Seen touches(const Nodes& nodes, bool in_phase) {
    Seen seen;
    for (const Node& node : nodes) seen.join(touches(node, in_phase));
    return seen;
  }

  // What two accesses that must be kept apart are about.
  static std::optional<Key> conflict(const Seen& before, const Seen& now) {
    const auto clash = [](const std::map<Key, Share>& a,
                          const std::map<Key, Share>& b) -> std::optional<Key> {
      for (const auto& [key, how] : b) {
        const auto found = a.find(key);
        if (found == a.end()) continue;
        if (found->second != how || how == Share::Other) return key;
      }
      return std::nullopt;
    };
    for (const auto& found : {clash(before.written, now.read), clash(before.written, now.written),
                              clash(before.read, now.written)}) {
      if (found) return found;
    }
    return std::nullopt;
  }

  std::string name(const Key& key) const {
    if (key.first < 0) return "a tape's frame";
    return fmt::format("{}#{}", plan_.buffer(key.first).name, key.first);
  }

  void walk(const Nodes& nodes, Seen& seen) {
    for (const Node& node : nodes) {
      if (found_.contains(node.number)) seen = {};
      if (const auto about = meet_before(node, seen)) found_.emplace(node.number, name(*about));
    }
  }

  void turns(const While& loop, Seen& seen) {
    const Inside inside = inside_of(loop);
    From end = loops_(loop, {seen, found_in(inside)}, [&](const From& from) {
      const Seen end =
          turns_of(loop, from.first, [&](const Nodes& nodes, Seen& at) { walk(nodes, at); });
      return From{end, found_in(inside)};
    });
    seen = std::move(end.first);
    found_.merge(end.second);
  }

  std::map<int, std::string> found_in(const Inside& inside) const {
    return {found_.lower_bound(inside.first), found_.upper_bound(inside.last)};
  }

  const Inside& inside_of(const While& loop) {
    const auto [known, fresh] = inside_.try_emplace(&loop);
    Inside& made = known->second;
    const std::function<void(const Nodes&)> look = [&](const Nodes& nodes) {
      for (const Node& node : nodes) {
        made = {std::min(made.first, node.number), std::max(made.last, node.number)};
        for (const Nodes* list : inside(node)) look(*list);
      }
    };
    if (fresh) {
      look(loop.test);
      look(loop.body);
    }
    return made;
  }

  // A loop's, once for all levels around it.
  const Seen& touches_of(const Node& loop) {
    const auto [known, fresh] = touches_.try_emplace(&loop);
    if (fresh) known->second = touches(loop, false);
    return known->second;
  }

  // How often the team meets in the loop's text when it comes from `seen`.
  std::size_t met_inside(const While& loop, Seen seen) {
    const std::map<int, std::string> before = found_;
    turns(loop, seen);
    const std::size_t more = found_.size() - before.size();
    found_ = before;
    return more;
  }

  // Whether the team must meet before `node`; `seen` goes on from behind it.
  std::optional<Key> meet_before(const Node& node, Seen& seen) {
    if (const While* loop = std::get_if<While>(&node.what)) {
      const std::optional<Key> about = conflict(seen, touches_of(node));
      const bool before = about && met_inside(*loop, {}) < met_inside(*loop, seen);
      if (before) seen = {};
      turns(*loop, seen);
      if (before) return about;
    } else if (const If* branch = std::get_if<If>(&node.what)) {
      Seen other = seen;
      walk(branch->then_body, seen);
      walk(branch->else_body, other);
      seen.join(other);
    } else {
      const Seen now = touches(node, false);
      const std::optional<Key> about = conflict(seen, now);
      if (about) seen = {};
      seen.join(now);
      return about;
    }
    return std::nullopt;
  }
};

}  // namespace

std::map<int, std::string> meetings(const Plan& plan, const Schedule& schedule) {
  return Meetings(plan, schedule).run();
}

}  // namespace nodec::plan
