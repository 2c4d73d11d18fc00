// Barriers, by following what each thread may see of the others' work.
//
// Per buffer we know how its last accesses since a barrier were shared out: by chunks (always the
// same thread for the same chunk), to the first thread alone, or otherwise. Two accesses, one of
// them a write, need a barrier between them unless both were by chunks or both by the first thread.
// A loop's body is walked twice, the second time from the state its end leaves, so that turns of
// the loop are kept apart as well. A call is all that its function does at once, and the function
// is walked on its own.
#include <map>

#include "compiler/lower/finish.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

enum class Share : std::uint8_t { Chunks, First, Other };

// A buffer, or a tape (counted down from -2) and the part of its frames; -1 is their scalars.
using Key = std::pair<int, int>;

struct Seen {
  // The weakest sharing of the accesses since the last barrier.
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

class Barriers {
 public:
  explicit Barriers(Plan& plan) : plan_(plan) {}

  void run() {
    for (Function& f : plan_.functions) {
      Seen seen;
      if (f.team) walk(f.body, seen);
      touched_.push_back(f.team ? touches(f.body, false) : Seen{});
    }
    Seen seen;
    walk(plan_.body, seen);
  }

 private:
  Plan& plan_;
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

  // Inside a phase. Rows and ports are written by whoever owns the chunk, but read by anybody.
  Share share(int buffer) const {
    switch (plan_.buffers[static_cast<std::size_t>(buffer)].space) {
      case Buffer::Space::Lanes:
      case Buffer::Space::Slots:
      case Buffer::Space::Frame:
        return Share::Chunks;
      default:
        return Share::Other;
    }
  }

  // What the first thread does for all.
  static bool is_first(const Node& node) {
    const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
    const DenseMap* map = dense != nullptr ? std::get_if<DenseMap>(dense) : nullptr;
    return std::holds_alternative<StoreScalar>(node.what) || (map && map->extents.empty());
  }

  // What `node` and all inside it touches; `in_phase`: by chunks where the buffer allows it.
  Seen touches(Node& node, bool in_phase) {
    Seen seen;
    const bool first = is_first(node);
    const auto how = [&](int b) {
      return first ? Share::First : in_phase ? share(b) : Share::Other;
    };
    Access a;
    a.read = [&](Ref& r) {
      if (r.buffer >= 0) Seen::add(seen.read, key(r.buffer), how(r.buffer));
    };
    a.write = [&](Ref& r) {
      if (r.buffer >= 0) Seen::add(seen.written, key(r.buffer), how(r.buffer));
    };
    a.read_buffer = [&](int b) { Seen::add(seen.read, key(b), how(b)); };
    a.write_buffer = [&](int b) { Seen::add(seen.written, key(b), how(b)); };
    visit(node, a);
    if (TapeFrame* frame = std::get_if<TapeFrame>(&node.what)) {
      if (!frame->loads.empty()) Seen::add(seen.read, {-2 - frame->tape, -1}, Share::Other);
      if (!frame->stores.empty()) Seen::add(seen.written, {-2 - frame->tape, -1}, Share::First);
    }
    if (const Call* call = std::get_if<Call>(&node.what)) {
      seen.join(touched_[static_cast<std::size_t>(call->function)]);
    }
    for (Nodes* list : inside(node)) {
      seen.join(touches(*list, in_phase || std::holds_alternative<Phase>(node.what)));
    }
    return seen;
  }

  Seen touches(Nodes& nodes, bool in_phase) {
    Seen seen;
    for (Node& node : nodes) seen.join(touches(node, in_phase));
    return seen;
  }

  static bool conflict(const Seen& before, const Seen& now) {
    const auto clash = [](const std::map<Key, Share>& a, const std::map<Key, Share>& b) {
      for (const auto& [key, how] : b) {
        const auto found = a.find(key);
        if (found == a.end()) continue;
        if (found->second != how || how == Share::Other) return true;
      }
      return false;
    };
    return clash(before.written, now.read) || clash(before.written, now.written) ||
           clash(before.read, now.written);
  }

  void walk(Nodes& nodes, Seen& seen) {
    Nodes walked;
    walked.reserve(nodes.size());
    for (Node& node : nodes) {
      if (meet_before(node, seen)) walked.push_back({Barrier{}});
      walked.push_back(std::move(node));
    }
    nodes = std::move(walked);
  }

  // Whether a barrier must stand before `node`; `seen` goes on from behind it.
  bool meet_before(Node& node, Seen& seen) {
    if (std::holds_alternative<Barrier>(node.what)) {
      seen = {};
    } else if (While* loop = std::get_if<While>(&node.what)) {
      const Seen entry = seen;
      for (int turn = 0; turn < 2; ++turn) {
        walk(loop->test, seen);
        walk(loop->body, seen);
      }
      walk(loop->test, seen);
      seen.join(entry);
    } else if (If* branch = std::get_if<If>(&node.what)) {
      Seen other = seen;
      walk(branch->then_body, seen);
      walk(branch->else_body, other);
      seen.join(other);
    } else {
      const Seen now = touches(node, false);
      const bool meet = conflict(seen, now);
      if (meet) seen = {};
      seen.join(now);
      return meet;
    }
    return false;
  }
};

}  // namespace

void insert_barriers(Plan& plan) { Barriers(plan).run(); }

}  // namespace nodec::lowering
