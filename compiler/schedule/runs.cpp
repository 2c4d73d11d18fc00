// A run is kernels that share one loop. Maps over the same elements do, where what one writes
// another touches at the same element only; so does a map over the rows of a product before it.
// Sums over samples share the loop over a chunk's blocks where a team has one.
//
// The terms of a solver's stages lie at equal distances in a tape's frame and where a tile keeps
// its values: they are a loop then, instead of a text for each.
#include "compiler/schedule/runs.h"

#include <algorithm>
#include <optional>

#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

using Extents = std::vector<std::int64_t>;

bool is_sum(const Kernel& kernel) {
  return std::holds_alternative<SlotSum>(kernel) || std::holds_alternative<SlotContract>(kernel);
}

// The loop that a kernel has for itself; none: others cannot be in it.
std::optional<Extents> loop_of(const Kernel& kernel) {
  if (const Map* k = std::get_if<Map>(&kernel)) return k->extents;
  if (const MatVec* k = std::get_if<MatVec>(&kernel)) return Extents{k->rows};
  return std::nullopt;
}

// Every list of kernels on tiles, and the number of its first.
void each_list(const Plan& plan, const std::function<void(const Tiles&, int)>& f) {
  const std::function<void(const Nodes&)> walk = [&](const Nodes& nodes) {
    for (const Node& node : nodes) {
      if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) f(*tiles, node.kernel);
      for (const Nodes* list : inside(node)) walk(*list);
    }
  };
  for (const Function& function : plan.functions) walk(function.body);
  walk(plan.body);
}

// Which buffers may be one array.
class Arrays {
 public:
  Arrays(const Plan& plan, const std::vector<Place>& places) : plan_(plan), places_(places) {
    each_list(plan, [&](const Tiles& tiles, int) {
      for (const Kernel& kernel : tiles.kernels) {
        if (const Invoke* call = std::get_if<Invoke>(&kernel)) note(*call);
      }
    });
  }

  bool may_be_one(int a, int b) const {
    if (is_argument(a) && is_argument(b)) return a == b || passed_.contains(std::minmax(a, b));
    const Buffer &x = plan_.buffer(a), &y = plan_.buffer(b);
    if (x.space == Buffer::Space::Frame && y.space == Buffer::Space::Frame) {
      return x.tape == y.tape && x.part == y.part;
    }
    return plan_.array_of(a) == plan_.array_of(b) || (room_of(a) >= 0 && room_of(a) == room_of(b));
  }

 private:
  int room_of(int id) const { return places_[std::size_t(id)].room; }

  bool is_argument(int id) const {
    return plan_.buffer(id).space == Buffer::Space::ArgLanes ||
           plan_.buffer(id).space == Buffer::Space::ArgDense;
  }

  // What a function passes on, of its own arguments, may be anything of them.
  void note(const Invoke& call) {
    const std::vector<int>& own = plan_.functions[std::size_t(call.function)].pointers;
    for (std::size_t i = 0; i < own.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const int a = call.pointers[i].buffer, b = call.pointers[j].buffer;
        const bool passed_on = is_argument(a) && is_argument(b);
        if (passed_on || may_be_one(a, b)) passed_.insert(std::minmax(own[i], own[j]));
      }
    }
  }

  const Plan& plan_;
  const std::vector<Place>& places_;
  std::set<std::pair<int, int>> passed_;  // arguments that one call gives one array
};

class Joining {
 public:
  Joining(const Arrays& arrays, const Extents& loop) : arrays_(arrays), loop_(loop) {}

  // Whether the accesses of both are apart, or to the same elements in the same turn.
  bool in_step(const Kernel& a, const Kernel& b) const {
    const std::vector<Touch> first = touches(a), second = touches(b);
    return std::all_of(first.begin(), first.end(), [&](const Touch& x) {
      return std::all_of(second.begin(), second.end(), [&](const Touch& y) {
        if (!(x.write || y.write) || !arrays_.may_be_one(x.ref->buffer, y.ref->buffer)) return true;
        return x.in_turn && y.in_turn && same_element(*x.ref, *y.ref);
      });
    });
  }

 private:
  struct Touch {
    const Ref* ref;
    bool write = false, in_turn = true;  // by the loop's own index
  };

  std::vector<Touch> touches(const Kernel& kernel) const {
    std::vector<Touch> all;
    const MatVec* product = std::get_if<MatVec>(&kernel);
    ConstAccess visitor;
    visitor.read = [&](const Ref& r) {
      const bool row = product == nullptr || (product->start && &r == &*product->start);
      if (r.buffer >= 0) all.push_back({&r, false, row});
    };
    visitor.write = [&](const Ref& r) { all.push_back({&r, true, true}); };
    visit(kernel, visitor);
    return all;
  }

  bool same_element(const Ref& a, const Ref& b) const {
    if (a.start != b.start) return false;
    for (std::size_t i = 0; i < loop_.size(); ++i) {
      if (loop_[i] > 1 && a.strides[i] != b.strides[i]) return false;
    }
    return true;
  }

  const Arrays& arrays_;
  const Extents& loop_;
};

// Operands of each term, in the kernel's order.
std::vector<std::vector<const Ref*>> operands_of(const Kernel& kernel) {
  std::vector<std::vector<const Ref*>> all;
  if (const SlotContract* k = std::get_if<SlotContract>(&kernel)) {
    for (const ContractTerm& t : k->terms) all.push_back({&t.g, &t.h});
  }
  if (const SlotSum* k = std::get_if<SlotSum>(&kernel)) {
    for (const SlotTerm& t : k->terms) {
      all.push_back({&t.x});
      if (t.y) all.back().push_back(&*t.y);
    }
  }
  return all;
}

bool terms_alike(const Kernel& kernel) {
  if (const SlotContract* k = std::get_if<SlotContract>(&kernel)) {
    return std::all_of(k->terms.begin(), k->terms.end(),
                       [&](const ContractTerm& t) { return t.scale == k->terms[0].scale; });
  }
  if (const SlotSum* k = std::get_if<SlotSum>(&kernel)) {
    return std::all_of(k->terms.begin(), k->terms.end(), [&](const SlotTerm& t) {
      const SlotTerm& first = k->terms[0];
      return t.scale == first.scale && t.inner == first.inner &&
             t.y.has_value() == first.y.has_value();
    });
  }
  return false;
}

// From what `a` names to what `b` does, where both lie in one piece of memory.
std::optional<std::int64_t> distance(const Plan& plan, const std::vector<Place>& places,
                                     const Ref& a, const Ref& b) {
  if (a.buffer < 0 || b.buffer < 0 || a.strides != b.strides || a.start != b.start) return {};
  const Buffer &x = plan.buffer(a.buffer), &y = plan.buffer(b.buffer);
  const Place &from = places[std::size_t(a.buffer)], &to = places[std::size_t(b.buffer)];
  if (x.dtype != y.dtype || from.kind != to.kind) return {};
  switch (from.kind) {
    case Place::Kind::Plan: {
      if (x.space != Buffer::Space::Frame || y.space != x.space || x.index != y.index) return {};
      const Dim bytes = y.offset - x.offset;
      return bytes.is_constant() && x.block_bytes == y.block_bytes ? std::optional(bytes.constant())
                                                                   : std::nullopt;
    }
    case Place::Kind::Shared:
    case Place::Kind::Member:
    case Place::Kind::Arena:
    case Place::Kind::Chunk:
      if (from.scratch != to.scratch || from.block_bytes != to.block_bytes) return {};
      return to.before - from.before;
    default:
      return {};
  }
}

// Whether `next` may share the loop of `run`, the kernels before it: each of its elements needs of
// theirs no other than its own.
bool may_join(const Arrays& arrays, const std::vector<const Kernel*>& run, const Kernel& next) {
  if (is_sum(next)) {
    const auto slots = [](const Kernel& k) {
      const SlotSum* sum = std::get_if<SlotSum>(&k);
      return sum ? sum->slots : std::get<SlotContract>(k).slots;
    };
    return std::all_of(run.begin(), run.end(),
                       [&](const Kernel* k) { return is_sum(*k) && slots(*k) != slots(next); });
  }
  const std::optional<Extents> loop = loop_of(*run.front());
  if (!loop || !std::holds_alternative<Map>(next) || loop_of(next) != loop) return false;
  const Joining joining(arrays, *loop);
  return std::all_of(run.begin(), run.end(),
                     [&](const Kernel* k) { return joining.in_step(*k, next); });
}

}  // namespace

std::vector<std::int64_t> terms_apart(const Plan& plan, const std::vector<Place>& places,
                                      const Kernel& kernel) {
  const std::vector<std::vector<const Ref*>> terms = operands_of(kernel);
  if (terms.size() < 2 || !terms_alike(kernel)) return {};
  std::vector<std::int64_t> apart;
  for (std::size_t i = 0; i < terms[0].size(); ++i) {
    for (std::size_t t = 1; t < terms.size(); ++t) {
      const auto found = distance(plan, places, *terms[t - 1][i], *terms[t][i]);
      if (!found || (t > 1 && *found != apart.back())) return {};
      if (t == 1) apart.push_back(*found);
    }
  }
  return apart;
}

void join_runs(const Plan& plan, Schedule& how) {
  const Arrays arrays(plan, how.places);
  each_list(plan, [&](const Tiles& tiles, int number) {
    std::vector<const Kernel*> run;
    for (const Kernel& kernel : tiles.kernels) {
      Loops& loops = how.loops.at(std::size_t(number));
      loops.joined =
          !run.empty() && !how.lane_meetings.contains(number) && may_join(arrays, run, kernel);
      if (!loops.joined) run.clear();
      run.push_back(&kernel);
      ++number;
    }
  });
}

std::set<int> only_in_runs(const Plan& plan, const Schedule& how) {
  struct Use {
    int run;
    const Ref* ref;
  };
  std::map<int, Use> first;  // by buffer
  std::set<int> found, others;
  int run = 0;
  each_list(plan, [&](const Tiles& tiles, int number) {
    for (const Kernel& kernel : tiles.kernels) {
      run += how.loops.at(std::size_t(number++)).joined ? 0 : 1;
      ConstAccess visitor;
      const auto note = [&](const Ref& r, bool write) {
        if (r.buffer < 0) return;
        if (plan.buffer(r.buffer).space != Buffer::Space::Local) return;
        if (write) found.insert(r.buffer);
        const auto [at, fresh] = first.emplace(r.buffer, Use{run, &r});
        const Ref& other = *at->second.ref;
        const bool alike = at->second.run == run && other.strides == r.strides &&
                           other.start == r.start && loop_of(kernel).has_value();
        if (!alike || (fresh && !write)) others.insert(r.buffer);
      };
      visitor.read = [&](const Ref& r) { note(r, false); };
      visitor.write = [&](const Ref& r) { note(r, true); };
      visit(kernel, visitor);
    }
  });
  for (const int id : others) found.erase(id);
  return found;
}

void roll_terms(const Plan& plan, Schedule& how) {
  each_list(plan, [&](const Tiles& tiles, int number) {
    for (const Kernel& kernel : tiles.kernels) {
      how.loops.at(std::size_t(number++)).apart = terms_apart(plan, how.places, kernel);
    }
  });
}

}  // namespace nodec::plan
