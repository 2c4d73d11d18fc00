// A map that one fold reads and nothing else is made inside the fold, on tiles and without a batch:
//   dense map [8, 676, 9]             dense fold out = sum of r0 over [9], in order
//     r0 = mul w, x -> t        ->      r0 = mul w, x
//   dense fold out = sum of t
// Every element is computed once, as before, by the same operations, and added in the same order.
// So the fold has to read each element once at most, in the same list, with nothing between that
// overwrites what the map reads; and what it is made of is made for nothing else. A fold's threads
// and lanes are its outputs, a map's are all elements: what takes time stays in the map where the
// fold has too few.
#include "compiler/lower/maps_in_folds.h"

#include <algorithm>
#include <map>
#include <optional>

#include "compiler/lower/computes.h"
#include "compiler/lower/cut.h"
#include "compiler/lower/fold_walk.h"
#include "ir/abi.h"
#include "ir/plan_visit.h"
#include "ir/plan_work.h"

namespace nodec::lowering {
namespace {

using namespace plan;

constexpr std::int64_t kOutputs = 32;  // that keep a team busy
constexpr std::int64_t kFew = 4;       // operations of an element that need no lanes

template <class K>
K* kernel_of(Node& node) {
  DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
  return dense ? std::get_if<K>(dense) : nullptr;
}
template <class K>
K* kernel_of(Kernel& kernel) {
  return std::get_if<K>(&kernel);
}

Node item(DenseFold fold) { return {DenseKernel(std::move(fold))}; }
Kernel item(FoldElements fold) { return fold; }

bool has_many_outputs(const auto& fold) {
  Dim outputs = 1;
  for (const auto& size : fold.outer) outputs = outputs * Dim(size);
  return !outputs.is_constant() || outputs.constant() >= kOutputs;
}

// Whether lanes find neighbours along an outer axis, or are not worth it.
bool keeps_lanes(const FoldElements&) { return true; }  // which are samples
bool keeps_lanes(const DenseFold& fold) {
  if (work(fold.computes) <= kFew) return true;
  std::vector<bool> along(fold.outer.size());
  for (std::size_t i = 0; i < along.size(); ++i) {
    along[i] = !fold.outer[i].is_constant() || fold.outer[i].constant() >= kBlock;
  }
  ConstAccess access;
  access.read = [&](const Ref& r) {
    for (std::size_t i = 0; r.buffer >= 0 && i < along.size(); ++i) {
      along[i] = along[i] && (r.strides[i] == 0 || r.strides[i] == 1);
    }
  };
  visit(DenseKernel(fold), access);
  return std::any_of(along.begin(), along.end(), [](bool axis) { return axis; });
}

bool both(const Marks& a, const Marks& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] && b[i]) return true;
  }
  return false;
}

// The marked and all that they are made of.
Marks with_sources(const std::vector<Compute>& computes, Marks marked) {
  for (std::size_t i = computes.size(); i-- > 0;) {
    if (!marked[i]) continue;
    for (const Source& s : computes[i].operands) {
      if (const Register* r = std::get_if<Register>(&s)) marked[r->compute] = true;
    }
  }
  return marked;
}

class MapsInFolds {
 public:
  MapsInFolds(Plan& plan, const std::set<int>& kept, std::int64_t longest)
      : plan_(plan), kept_(kept), longest_(longest) {
    for (Function& f : plan.functions) count(f.body);
    count(plan.body);
  }

  void run() {
    for (Function& f : plan_.functions) walk(f.body);
    walk(plan_.body);
  }

 private:
  struct Count {
    int reads = 0, writes = 0;
  };

  Plan& plan_;
  const std::set<int>& kept_;
  const std::int64_t longest_;
  std::map<int, Count> counts_;  // of references, by buffer

  void count(Nodes& nodes) {
    Access a;
    a.read_buffer = [&](int b) { ++counts_[b].reads; };
    a.write_buffer = [&](int b) { ++counts_[b].writes; };
    a.read = [&](Ref& r) { a.read_buffer(r.buffer); };
    a.write = [&](Ref& r) { a.write_buffer(r.buffer); };
    for (Node& node : nodes) {
      visit(node, a);
      for (Nodes* list : inside(node)) count(*list);
    }
  }

  void walk(Nodes& nodes) {
    for (Node& node : nodes) {
      for (Nodes* list : inside(node)) walk(*list);
      Tiles* tiles = std::get_if<Tiles>(&node.what);
      if (tiles) join<Map, FoldElements>(tiles->kernels);
    }
    join<DenseMap, DenseFold>(nodes);
  }

  template <class M, class F>
  void join(auto& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const F* fold = kernel_of<F>(list[i]);
      const Ref* from = fold && has_many_outputs(*fold) ? as_it_is(fold->computes) : nullptr;
      if (from && is_between_two(from->buffer)) join<M, F>(list, i, from->buffer);
    }
    std::erase_if(list, [](auto& one) {
      const M* map = kernel_of<M>(one);
      return map && map->computes.empty();
    });
  }

  // Written by one and read by one, as far as the plan shows, which is all.
  bool is_between_two(int id) const {
    if (id < 0 || kept_.contains(id)) return false;
    const Buffer::Space space = plan_.buffer(id).space;
    const Count& count = counts_.at(id);
    return (space == Buffer::Space::Dense || space == Buffer::Space::Local ||
            space == Buffer::Space::Lanes) &&
           count.reads == 1 && count.writes == 1;
  }

  // The map that makes `between`, into the fold at `to`, if it may be made there.
  template <class M, class F>
  void join(auto& list, std::size_t to, int between) {
    std::optional<std::size_t> last;  // which computation
    std::size_t at = to;
    while (!last && at-- > 0) {
      if (const M* map = kernel_of<M>(list[at])) last = maker(map->computes, between);
    }
    if (!last) return;
    M& map = *kernel_of<M>(list[at]);
    Marks element(map.computes.size()), others(map.computes.size());
    for (std::size_t i = 0; i < map.computes.size(); ++i) {
      (i == *last ? element : others)[i] = map.computes[i].to.has_value();
    }
    element = with_sources(map.computes, std::move(element));
    others = with_sources(map.computes, std::move(others));
    if (both(element, others)) return;
    std::optional<F> made = with_element(*kernel_of<F>(list[to]), map, element, *last);
    if (!made || !keeps_lanes(*made) || length_of(item(*made)) > longest_) return;
    const std::set<int> read = uses_of(item(*made)).read;
    const bool overwritten = std::any_of(read.begin(), read.end(), [&](int id) {
      return std::any_of(list.begin() + std::ptrdiff_t(at), list.begin() + std::ptrdiff_t(to) + 1,
                         [&](const auto& one) { return may_write(one, id); });
    });
    if (overwritten) return;
    map.computes = take(map.computes, others);
    list[to] = item(std::move(*made));
  }

  static std::optional<std::size_t> maker(const std::vector<Compute>& computes, int buffer) {
    for (std::size_t i = 0; i < computes.size(); ++i) {
      if (computes[i].to && computes[i].to->buffer == buffer) return i;
    }
    return std::nullopt;
  }

  template <class M, class F>
  static std::optional<F> with_element(const F& fold, const M& map, const Marks& element,
                                       std::size_t last) {
    const std::vector<Dim> extents(map.extents.begin(), map.extents.end());
    std::vector<Dim> sizes(fold.outer.begin(), fold.outer.end());
    sizes.insert(sizes.end(), fold.inner.begin(), fold.inner.end());
    const auto walk =
        FoldWalk::of(extents, *map.computes[last].to, sizes, *as_it_is(fold.computes));
    if (!walk) return std::nullopt;
    F made = fold;
    made.computes = take(map.computes, element);
    for (Compute& c : made.computes) {
      c.to.reset();
      for (Source& s : c.operands) {
        std::optional<Source> read = walk->read(s);
        if (!read) return std::nullopt;
        s = std::move(*read);
      }
    }
    return made;
  }

  bool may_write(const Kernel& kernel, int id) const { return may_be(uses_of(kernel).written, id); }
  bool may_write(const Node& node, int id) const {
    const bool frame = plan_.buffer(id).space == Buffer::Space::FrameDense;
    if (frame && std::holds_alternative<TapeFrame>(node.what)) return true;
    if (may_be(uses_of(node).written, id)) return true;
    const Call* call = std::get_if<Call>(&node.what);
    if (call && may_write(plan_.functions[std::size_t(call->function)].body, id)) return true;
    const std::vector<const Nodes*> lists = inside(node);
    return std::any_of(lists.begin(), lists.end(),
                       [&](const Nodes* list) { return may_write(*list, id); });
  }
  bool may_write(const Nodes& nodes, int id) const {
    return std::any_of(nodes.begin(), nodes.end(),
                       [&](const Node& node) { return may_write(node, id); });
  }

  bool may_be(const std::set<int>& written, int id) const {
    return std::any_of(written.begin(), written.end(),
                       [&](int w) { return may_be_one(plan_, w, id); });
  }
};

}  // namespace

void make_maps_in_folds(Plan& plan, const std::set<int>& kept, std::int64_t longest) {
  MapsInFolds(plan, kept, longest).run();
}

}  // namespace nodec::lowering
