// Dead kernels out, nodes and kernels numbered.
#include "compiler/lower/trim.h"

#include <functional>

#include "compiler/lower/batch.h"
#include "compiler/lower/carries_in_place.h"
#include "compiler/lower/cut.h"
#include "compiler/lower/frame_copies.h"
#include "compiler/lower/late_maps.h"
#include "compiler/lower/maps_in_folds.h"
#include "compiler/lower/merge_axes.h"
#include "compiler/lower/outputs_in_place.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

class Trimming {
 public:
  Trimming(Plan& plan, const std::set<int>& kept) : plan_(plan), kept_(kept) {}

  void run(std::int64_t longest) {
    for (bool changed = true; changed;) {
      read_.clear();
      each_list([&](Nodes& nodes) { note_reads(nodes); });
      changed = false;
      each_list([&](Nodes& nodes) { changed = drop_dead(nodes) || changed; });
    }
    make_values_late(plan_, kept_);
    cut_kernels(plan_, longest);
    make_carries_in_place(plan_, kept_);
    make_outputs_in_place(plan_);
    each_list([&](Nodes& nodes) { drop_empty(nodes); });
    merge_axes(plan_);
    make_maps_in_folds(plan_, kept_, longest);
    copy_small_parts(plan_);
    cut_functions(plan_, longest);
    int number = 0, kernel = 0;
    each_list([&](Nodes& nodes) { number_nodes(nodes, number, kernel); });
  }

 private:
  Plan& plan_;
  const std::set<int>& kept_;
  std::set<int> read_;

  void each_list(const std::function<void(Nodes&)>& f) {
    for (Function& function : plan_.functions) f(function.body);
    f(plan_.body);
  }

  void note_reads(Nodes& nodes) {
    Access a;
    a.read = [&](Ref& r) {
      if (r.buffer >= 0) read_.insert(r.buffer);
    };
    a.read_buffer = [&](int b) { read_.insert(b); };
    for (Node& node : nodes) {
      visit(node, a);
      for (Nodes* list : inside(node)) note_reads(*list);
    }
  }

  bool needed(int buffer) const {
    const Buffer::Space space = plan_.buffer(buffer).space;
    return read_.contains(buffer) || kept_.contains(buffer) || space == Buffer::Space::Output ||
           space == Buffer::Space::ArgLanes;
  }

  // Stores that nobody reads, and computations left without a purpose.
  bool trim(std::vector<Compute>& computes) const {
    bool changed = false;
    for (Compute& c : computes) {
      if (c.to && !needed(c.to->buffer)) {
        c.to.reset();
        changed = true;
      }
    }
    std::vector<bool> used(computes.size());
    for (std::size_t i = computes.size(); i-- > 0;) {
      used[i] = used[i] || computes[i].to;
      if (!used[i]) continue;
      for (const Source& s : computes[i].operands) {
        if (const Register* r = std::get_if<Register>(&s)) used[r->compute] = true;
      }
    }
    std::vector<std::size_t> place(computes.size());
    std::vector<Compute> left;
    for (std::size_t i = 0; i < computes.size(); ++i) {
      place[i] = left.size();
      if (!used[i]) continue;
      for (Source& s : computes[i].operands) {
        if (Register* r = std::get_if<Register>(&s)) r->compute = place[r->compute];
      }
      left.push_back(std::move(computes[i]));
    }
    changed = changed || left.size() != used.size();
    computes = std::move(left);
    return changed;
  }

  bool dead(Kernel& kernel) const {
    if (Map* map = std::get_if<Map>(&kernel)) return map->computes.empty();
    if (MatVec* k = std::get_if<MatVec>(&kernel)) return !needed(k->out.buffer);
    if (FoldElements* k = std::get_if<FoldElements>(&kernel)) return !needed(k->out.buffer);
    if (GatherRows* k = std::get_if<GatherRows>(&kernel)) return !needed(k->out.buffer);
    if (ScatterRows* k = std::get_if<ScatterRows>(&kernel)) return !needed(k->out.buffer);
    if (Transfer* k = std::get_if<Transfer>(&kernel)) return k->import && !needed(k->lanes.buffer);
    return false;
  }

  bool drop_dead(Nodes& nodes) {
    bool changed = false;
    for (Node& node : nodes) {
      for (Nodes* list : inside(node)) changed = drop_dead(*list) || changed;
      if (Tiles* tiles = std::get_if<Tiles>(&node.what)) {
        for (Kernel& k : tiles->kernels) {
          if (Map* map = std::get_if<Map>(&k)) changed = trim(map->computes) || changed;
        }
        changed = std::erase_if(tiles->kernels, [&](Kernel& k) { return dead(k); }) > 0 || changed;
      } else if (DenseKernel* dense = std::get_if<DenseKernel>(&node.what)) {
        if (DenseMap* map = std::get_if<DenseMap>(dense)) changed = trim(map->computes) || changed;
      }
    }
    return changed;
  }

  static bool empty(const Node& node) {
    if (const Tiles* n = std::get_if<Tiles>(&node.what)) return n->kernels.empty();
    if (const Phase* n = std::get_if<Phase>(&node.what)) return n->body.empty();
    if (const Scalars* n = std::get_if<Scalars>(&node.what)) return n->computes.empty();
    if (const DenseKernel* n = std::get_if<DenseKernel>(&node.what)) {
      const DenseMap* map = std::get_if<DenseMap>(n);
      return map && map->computes.empty();
    }
    return false;
  }

  // Nodes that have nothing left to do.
  static void drop_empty(Nodes& nodes) {
    for (Node& node : nodes) {
      for (Nodes* list : inside(node)) drop_empty(*list);
    }
    std::erase_if(nodes, [](const Node& n) { return empty(n); });
  }

  static void number_nodes(Nodes& nodes, int& number, int& kernel) {
    for (Node& node : nodes) {
      node.number = number++;
      const Tiles* tiles = std::get_if<Tiles>(&node.what);
      if (tiles || std::holds_alternative<DenseKernel>(node.what) ||
          std::holds_alternative<ClearSlots>(node.what) ||
          std::holds_alternative<FoldSlots>(node.what)) {
        node.kernel = kernel;
        kernel += tiles ? int(tiles->kernels.size()) : 1;
      }
      for (Nodes* list : inside(node)) number_nodes(*list, number, kernel);
    }
  }
};

}  // namespace

void trim_plan(Plan& plan, const std::set<int>& kept, std::int64_t longest) {
  Trimming(plan, kept).run(longest);
}

}  // namespace nodec::lowering
