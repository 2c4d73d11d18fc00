// A thread of a GPU is one lane of a sample: an element of a tile belongs to one of the parts that
// share it, and a slot to the thread that adds to it. Per buffer we know *how* its last accesses
// since a meeting were dealt out. Two of them, one a write, need a meeting between them unless both
// were dealt out alike, for then whoever reads an element wrote it.
//
// How elements are dealt out follows from the extents they are walked by and the strides they are
// reached by; equal ones are dealt out alike (the team's `elements` and `rows` agree on it). What
// all members share is kept apart by the team's meetings, which are found before; here are only the
// lanes of one member, inside its phases. A loop's body is walked twice, as there.
#include "compiler/schedule/gpu_meetings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "compiler/schedule/loop_walks.h"
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

using Key = std::pair<int, int>;  // a buffer; or a tape, counted down from -2, and a part of it

// What tile lists keep their own values in, which lie over each other.
constexpr Key kLists{-1, 0};

// How it is dealt out; empty: any lane may come to any element.
using How = std::string;

// Slots one after another, as they are cleared and as sums to a single axis take them.
constexpr const char* kRow = "slots in a row";

struct Touch {
  Key key;
  How how;
  bool write = false;
};

struct Touched {
  std::map<Key, How> read, written;
  bool anything = false;  // unknown work came before

  void add(const Touch& a) {
    const auto [found, fresh] = (a.write ? written : read).emplace(a.key, a.how);
    if (!fresh && found->second != a.how) found->second.clear();
  }
  void join(const Touched& other) {
    for (const auto& [key, how] : other.read) add({key, how, false});
    for (const auto& [key, how] : other.written) add({key, how, true});
    anything = anything || other.anything;
  }
  bool operator==(const Touched&) const = default;
};

class MemberMeetings {
 public:
  MemberMeetings(const Plan& plan, Schedule& how) : plan_(plan), how_(how) {}

  void run() {
    while (join_arguments()) {
    }
    for (const Function& f : plan_.functions) {
      if (!f.team) sum_up(f);
      Touched seen;
      seen.anything = f.team;
      walk(f.body, seen);
    }
    Touched seen;
    walk(plan_.body, seen);
  }

 private:
  using Extents = std::vector<std::int64_t>;

  Key key(int id) const {
    for (auto to = same_.find(id); to != same_.end(); to = same_.find(id)) id = to->second;
    const Buffer& b = plan_.buffer(id);
    if (b.space == Buffer::Space::Frame) return {-2 - plan_.standing_for(b.tape), b.part};
    return {plan_.array_of(id), 0};
  }

  // Elements walked by these extents, split along the widest of them; axes of one element do not
  // matter.
  static How dealt(const Extents& extents, const Ref& ref, std::size_t first = 0) {
    std::vector<std::int64_t> sizes, strides;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      if (extents[i] == 1) continue;
      sizes.push_back(extents[i]);
      strides.push_back(ref.strides[first + i]);
    }
    return fmt::format("{}:{}:{}", fmt::join(sizes, ","), fmt::join(strides, ","), ref.start);
  }

  std::vector<Touch> touches(const Kernel& kernel) const {
    std::vector<Touch> all;
    const auto note = [&](const Ref& ref, bool write, How how) {
      if (ref.buffer >= 0) all.push_back({key(ref.buffer), std::move(how), write});
    };
    if (const Map* k = std::get_if<Map>(&kernel)) {
      for (const Compute& c : k->computes) {
        for (const Source& s : c.operands) {
          const Ref* r = std::get_if<Ref>(&s);
          if (r && r->buffer >= 0) note(*r, false, dealt(k->extents, *r));
        }
        if (c.to) note(*c.to, true, dealt(k->extents, *c.to));
      }
      return all;
    }
    const auto rest = [&](const Ref* own, const How& how) { others(kernel, own, how, all); };
    if (const MatVec* k = std::get_if<MatVec>(&kernel)) rest(&k->out, dealt({k->rows}, k->out));
    if (const FoldElements* k = std::get_if<FoldElements>(&kernel)) {
      rest(&k->out, dealt(k->outer, k->out));
    }
    if (const SlotSum* k = std::get_if<SlotSum>(&kernel)) {
      const auto along = [](std::int64_t n) { return n > 1; };
      const bool row = std::count_if(k->outer.begin(), k->outer.end(), along) <= 1;
      rest(nullptr, row ? kRow : fmt::format("sums of {}", fmt::join(k->outer, ",")));
    }
    if (const SlotContract* k = std::get_if<SlotContract>(&kernel)) {
      rest(nullptr, fmt::format("products of {} by {}", k->rows, k->columns));
    }
    if (const GatherRows* k = std::get_if<GatherRows>(&kernel)) {
      const How row = dealt(k->row, k->out, k->picks.size());
      rest(&k->out,
           k->picks.empty() ? row : fmt::format("{} rows {}", fmt::join(k->picks, ","), row));
    }
    if (const ScatterRows* k = std::get_if<ScatterRows>(&kernel)) {
      rest(&k->out, fmt::format("added {}", fmt::join(k->row, ",")));
    }
    if (const Transfer* k = std::get_if<Transfer>(&kernel)) {
      rest(&k->lanes, dealt(k->extents, k->lanes));
    }
    if (std::holds_alternative<TransposeRows>(kernel)) rest(nullptr, "");
    if (const Invoke* call = std::get_if<Invoke>(&kernel)) through(*call, all);
    return all;
  }

  // Of a kernel's accesses those through `own` (or to its slots) are dealt out by `how`, others are
  // anybody's.
  void others(const Kernel& kernel, const Ref* own, const How& how, std::vector<Touch>& all) const {
    const bool slots =
        std::holds_alternative<SlotSum>(kernel) || std::holds_alternative<SlotContract>(kernel);
    ConstAccess visitor;
    const auto note = [&](const Ref& ref, bool write) {
      if (ref.buffer >= 0) all.push_back({key(ref.buffer), &ref == own ? how : "", write});
    };
    visitor.read = [&](const Ref& r) { note(r, false); };
    visitor.write = [&](const Ref& r) { note(r, true); };
    visitor.read_buffer = [&](int b) { all.push_back({key(b), "", false}); };
    visitor.write_buffer = [&](int b) { all.push_back({key(b), slots ? how : "", true}); };
    visit(kernel, visitor);
  }

  // Of a call those of its function, to the arrays that it is given.
  void through(const Invoke& call, std::vector<Touch>& all) const {
    const Function& f = plan_.functions[std::size_t(call.function)];
    for (std::size_t i = 0; i < f.pointers.size(); ++i) {
      const Ref& given = call.pointers[i];
      for (const Touch& t : inside_.at(call.function)) {
        if (t.key == key(f.pointers[i]) && given.buffer >= 0) {
          all.push_back({key(given.buffer), given.start == 0 ? t.how : "", t.write});
        }
      }
    }
    // Its own values lie at one place whoever calls it; what was cut out of a list reaches all.
    const auto is_argument = [&](const Key& k) {
      return std::any_of(f.pointers.begin(), f.pointers.end(),
                         [&](int id) { return key(id) == k; });
    };
    for (const Touch& t : inside_.at(call.function)) {
      const bool own = t.key.first >= 0 && plan_.buffer(t.key.first).space == Buffer::Space::Local;
      if (own || (f.placed && !is_argument(t.key))) all.push_back(t);
    }
  }

  // What a function of one tile does to its arguments and its own values.
  void sum_up(const Function& f) {
    Touched seen;
    for (const Node& node : f.body) {
      const Tiles* tiles = std::get_if<Tiles>(&node.what);
      for (std::size_t i = 0; tiles && i < tiles->kernels.size(); ++i) {
        for (const Touch& t : touches(tiles->kernels[i])) seen.add(t);
      }
    }
    const int number = int(&f - plan_.functions.data());
    std::vector<Touch>& all = inside_[number];
    for (const auto& [key, how] : seen.read) all.push_back({key, how, false});
    for (const auto& [key, how] : seen.written) all.push_back({key, how, true});
    // A place read one way and written another is anybody's.
    for (Touch& t : all) {
      const auto other = (t.write ? seen.read : seen.written).find(t.key);
      if (other != (t.write ? seen.read : seen.written).end() && other->second != t.how) t.how = "";
    }
  }

  static std::optional<Key> conflict(const Touched& before, const std::vector<Touch>& now) {
    const auto clash = [](const std::map<Key, How>& with, const Touch& a) {
      const auto found = with.find(a.key);
      return found != with.end() && (found->second != a.how || a.how.empty());
    };
    for (const Touch& a : now) {
      if (before.anything || clash(before.written, a) || (a.write && clash(before.read, a))) {
        return a.key;
      }
    }
    return std::nullopt;
  }

  std::string name(const Key& key) const {
    if (key == kLists) return "another list's values";
    if (key.first < -1) return "a tape's frame";
    return fmt::format("{}#{}", plan_.buffer(key.first).name, key.first);
  }

  // Does what these accesses are, after a meeting where one is needed.
  void step(const std::vector<Touch>& now, std::map<int, std::string>& meetings, int number,
            Touched& seen) {
    if (meetings.contains(number)) seen = {};
    if (const auto about = conflict(seen, now)) {
      meetings.emplace(number, name(*about));
      seen = {};
    }
    for (const Touch& a : now) seen.add(a);
  }

  void walk(const Nodes& nodes, Touched& seen) {
    for (const Node& node : nodes) {
      if (how_.meetings.contains(node.number)) seen = {};
      walk(node, seen);
    }
  }

  void walk(const Node& node, Touched& seen) {
    if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) {
      int number = node.kernel;
      for (const Kernel& k : tiles->kernels) {
        std::vector<Touch> now = touches(k);
        if (uses_locals(k)) now.push_back({kLists, std::to_string(node.kernel), true});
        step(now, how_.lane_meetings, number++, seen);
      }
    } else if (const ClearSlots* clear = std::get_if<ClearSlots>(&node.what)) {
      step({{key(clear->slots), kRow, true}}, how_.member_meetings, node.number, seen);
    } else if (const AnySample* any = std::get_if<AnySample>(&node.what)) {
      step({{key(any->of.buffer), dealt({}, any->of), false}}, how_.member_meetings, node.number,
           seen);
      seen = {};  // all have met to know
    } else if (const Phase* phase = std::get_if<Phase>(&node.what)) {
      twice(phase->body, seen);
    } else if (const While* loop = std::get_if<While>(&node.what)) {
      const auto found = [&] { return how_.lane_meetings.size() + how_.member_meetings.size(); };
      const auto from = [&](const auto& state) {
        const Touched end =
            turns_of(*loop, state.first, [&](const Nodes& nodes, Touched& at) { walk(nodes, at); });
        return std::pair(end, found());
      };
      seen = loops_(*loop, {seen, found()}, from).first;
    } else if (const If* branch = std::get_if<If>(&node.what)) {
      Touched other = seen;
      walk(branch->then_body, seen);
      walk(branch->else_body, other);
      seen.join(other);
    } else if (std::holds_alternative<Call>(node.what)) {
      seen.anything = true;
    }
  }

  void twice(const Nodes& body, Touched& seen) {
    walk(body, seen);
    walk(body, seen);
  }

  // Two arguments of a function that are one array of a caller's are one; whether any were joined.
  bool join_arguments() {
    bool joined = false;
    const std::function<void(const Nodes&)> look = [&](const Nodes& nodes) {
      for (const Node& node : nodes) {
        const Tiles* tiles = std::get_if<Tiles>(&node.what);
        for (std::size_t i = 0; tiles && i < tiles->kernels.size(); ++i) {
          const Invoke* call = std::get_if<Invoke>(&tiles->kernels[i]);
          if (call) joined = join_arguments(*call) || joined;
        }
        for (const Nodes* list : inside(node)) look(*list);
      }
    };
    for (const Function& f : plan_.functions) look(f.body);
    look(plan_.body);
    return joined;
  }

  bool join_arguments(const Invoke& call) {
    const std::vector<int>& own = plan_.functions[std::size_t(call.function)].pointers;
    std::map<Key, int> first;  // which argument has this array
    bool joined = false;
    for (std::size_t i = 0; i < own.size(); ++i) {
      const int to = first.emplace(key(call.pointers[i].buffer), own[i]).first->second;
      if (key(to) != key(own[i])) joined = same_.insert_or_assign(own[i], to).second || joined;
    }
    return joined;
  }

  bool uses_locals(const Kernel& kernel) const {
    bool found = false;
    ConstAccess visitor;
    const auto look = [&](const Ref& r) {
      found = found || (r.buffer >= 0 && plan_.buffer(r.buffer).space == Buffer::Space::Local);
    };
    visitor.read = visitor.write = look;
    visit(kernel, visitor);
    return found;
  }

  const Plan& plan_;
  Schedule& how_;
  LoopWalks<std::pair<Touched, std::size_t>> loops_;  // from what was seen, with as many meetings
  std::map<int, std::vector<Touch>> inside_;          // functions of one tile, by number
  std::map<int, int> same_;  // arguments that may be one array: the one that stands for it
};

}  // namespace

void meet_in_members(const Plan& plan, Schedule& how) { MemberMeetings(plan, how).run(); }

}  // namespace nodec::plan
