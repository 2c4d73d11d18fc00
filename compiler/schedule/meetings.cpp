// Meetings, by following what each thread may see of the others' work.
//
// Per buffer we know how its last accesses since a meeting were shared out: by chunks (always the
// same thread for the same chunk), to the first thread alone, or otherwise. Two accesses, one of
// them a write, need a meeting between them unless both were by chunks or both by the first thread.
// A loop's body is walked twice, the second time from the state its end leaves, so that turns of
// the loop are kept apart as well. A call is all that its function does at once, and the function
// is walked on its own.
#include "compiler/schedule/meetings.h"

#include <map>
#include <optional>

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
};

class Meetings {
 public:
  Meetings(const Plan& plan, const std::vector<Place>& places) : plan_(plan), places_(places) {}

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
  const std::vector<Place>& places_;
  std::map<int, std::string> found_;
  std::vector<Seen> touched_;  // by each function of the team: callees stand before callers

  // Frames are told apart at run time only, their parts here. Varying parts are touched by chunks
  // alone, so they may share a key.
  Key key(int buffer) const {
    const Buffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
    if (b.space == Buffer::Space::Frame) return {-1, 0};
    if (b.space == Buffer::Space::FrameDense) return {-2 - b.tape, b.part};
    if (b.space == Buffer::Space::Output) {
      const int alias =
          plan_.signature.outputs[static_cast<std::size_t>(b.index) - plan_.signature.inputs.size()]
              .alias;
      if (alias >= 0) return {alias, 0};  // inputs are buffers 0, 1, ... in order
    }
    return {buffer, 0};
  }

  bool is_own(int buffer) const {
    return places_[static_cast<std::size_t>(buffer)].kind == Place::Kind::Stack;
  }

  // Inside a phase. Rows and ports are written by whoever owns the chunk, but read by anybody.
  Share share(int buffer) const {
    const Place::Kind place = places_[static_cast<std::size_t>(buffer)].kind;
    const bool by_chunks =
        place == Place::Kind::Arena || place == Place::Kind::Slots ||
        plan_.buffers[static_cast<std::size_t>(buffer)].space == Buffer::Space::Frame;
    return by_chunks ? Share::Chunks : Share::Other;
  }

  // What the first thread does for all.
  static bool is_first(const Node& node) {
    const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
    const DenseMap* map = dense != nullptr ? std::get_if<DenseMap>(dense) : nullptr;
    return std::holds_alternative<StoreScalar>(node.what) || (map && map->extents.empty());
  }

  // What `node` and all inside it touches; `in_phase`: by chunks where the buffer allows it.
  Seen touches(const Node& node, bool in_phase) {
    Seen seen;
    const bool first = is_first(node);
    const auto note = [&](std::map<Key, Share>& to, int buffer) {
      if (buffer < 0 || is_own(buffer)) return;
      Seen::add(to, key(buffer), first ? Share::First : in_phase ? share(buffer) : Share::Other);
    };
    Access a;
    a.read = [&](Ref& r) { note(seen.read, r.buffer); };
    a.write = [&](Ref& r) { note(seen.written, r.buffer); };
    a.read_buffer = [&](int b) { note(seen.read, b); };
    a.write_buffer = [&](int b) { note(seen.written, b); };
    visit(const_cast<Node&>(node), a);  // which changes nothing
    if (const TapeFrame* frame = std::get_if<TapeFrame>(&node.what)) {
      if (!frame->loads.empty()) Seen::add(seen.read, {-2 - frame->tape, -1}, Share::Other);
      if (!frame->stores.empty()) Seen::add(seen.written, {-2 - frame->tape, -1}, Share::First);
    }
    if (const Call* call = std::get_if<Call>(&node.what)) {
      seen.join(touched_[static_cast<std::size_t>(call->function)]);
    }
    for (const Nodes* list : inside(node)) {
      seen.join(touches(*list, in_phase || std::holds_alternative<Phase>(node.what)));
    }
    return seen;
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
    return fmt::format("{}#{}", plan_.buffers[static_cast<std::size_t>(key.first)].name, key.first);
  }

  void walk(const Nodes& nodes, Seen& seen) {
    for (const Node& node : nodes) {
      if (found_.contains(node.number)) seen = {};
      if (const auto about = meet_before(node, seen)) found_.emplace(node.number, name(*about));
    }
  }

  // Whether the team must meet before `node`; `seen` goes on from behind it.
  std::optional<Key> meet_before(const Node& node, Seen& seen) {
    if (const While* loop = std::get_if<While>(&node.what)) {
      const Seen entry = seen;
      for (int turn = 0; turn < 2; ++turn) {
        walk(loop->test, seen);
        walk(loop->body, seen);
      }
      walk(loop->test, seen);
      seen.join(entry);
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

std::map<int, std::string> meetings(const Plan& plan, const std::vector<Place>& places) {
  return Meetings(plan, places).run();
}

}  // namespace nodec::plan
