// Dead kernels out, tiles too wide for the stack to scratch, scratch buffers numbered.
#include "compiler/lower/finish.h"

#include <algorithm>
#include <map>

#include "compiler/lower/batch.h"
#include "compiler/lower/carries_in_place.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

class Finisher {
 public:
  Finisher(Plan& plan, const std::set<int>& kept) : plan_(plan), kept_(kept) {}

  void run() {
    for (bool changed = true; changed;) {
      read_.clear();
      each_list([&](Nodes& nodes) { note_reads(nodes); });
      changed = false;
      each_list([&](Nodes& nodes) { changed = drop_dead(nodes) || changed; });
    }
    make_carries_in_place(plan_, kept_);
    each_list([&](Nodes& nodes) { drop_empty(nodes); });
    spare_the_stack();
    number_scratch();
    int number = 0;
    each_list([&](Nodes& nodes) { number_kernels(nodes, number); });
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
    const Buffer::Space space = plan_.buffers[static_cast<std::size_t>(buffer)].space;
    return read_.count(buffer) || kept_.count(buffer) || space == Buffer::Space::Output ||
           space == Buffer::Space::ArgLanes;
  }

  // Stores that nobody reads, and computations left without a purpose.
  bool trim(std::vector<Compute>& computes) const {
    bool changed = false;
    for (Compute& c : computes) {
      if (c.to.buffer >= 0 && !needed(c.to.buffer)) {
        c.to = {};
        changed = true;
      }
    }
    std::vector<bool> used(computes.size());
    for (std::size_t i = computes.size(); i-- > 0;) {
      used[i] = used[i] || computes[i].to.buffer >= 0;
      if (!used[i]) continue;
      for (const Source& s : computes[i].operands) {
        if (s.kind == Source::Kind::Register) used[static_cast<std::size_t>(s.id)] = true;
      }
    }
    std::vector<int> place(computes.size());
    std::vector<Compute> left;
    for (std::size_t i = 0; i < computes.size(); ++i) {
      place[i] = static_cast<int>(left.size());
      if (!used[i]) continue;
      for (Source& s : computes[i].operands) {
        if (s.kind == Source::Kind::Register) s.id = place[static_cast<std::size_t>(s.id)];
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

  static void number_kernels(Nodes& nodes, int& next) {
    for (Node& node : nodes) {
      const Tiles* tiles = std::get_if<Tiles>(&node.what);
      if (tiles || std::holds_alternative<DenseKernel>(node.what)) node.number = next;
      next += tiles ? int(tiles->kernels.size()) : node.number >= 0 ? 1 : 0;
      for (Nodes* list : inside(node)) number_kernels(*list, next);
    }
  }

  // Bytes of a scratch buffer, or nullopt when it is none.
  static std::optional<Dim> scratch_bytes(const Buffer& b) {
    const Dim size(static_cast<std::int64_t>(bytes(b.dtype)));
    switch (b.space) {
      case Buffer::Space::Dense:
        return b.count * size;
      case Buffer::Space::Slots:
        return Dim::symbol(kChunksSymbol) * Dim(b.elements * kBlock) * size;
      default:
        return std::nullopt;
    }
  }

  static void note_uses(Nodes& nodes, std::set<int>& used) {
    Access a;
    a.read = a.write = [&](Ref& r) { used.insert(r.buffer); };
    a.read_buffer = a.write_buffer = [&](int b) { used.insert(b); };
    for (Node& node : nodes) {
      visit(node, a);
      for (Nodes* list : inside(node)) note_uses(*list, used);
    }
  }

  // A tile's own values share the stack of the entry; the widest leave it until the rest fits.
  void spare_the_stack() {
    spare_the_stack(plan_.body);
    for (Function& f : plan_.functions) {
      if (f.team) spare_the_stack(f.body);
    }
  }

  void spare_the_stack(Nodes& body) {
    std::set<int> used;
    note_uses(body, used);
    std::vector<Buffer*> locals;
    std::int64_t total = 0;
    const auto size = [](const Buffer* b) { return tile_bytes(b->elements, b->dtype); };
    for (const int id : used) {
      if (id < 0) continue;
      Buffer& b = plan_.buffers[static_cast<std::size_t>(id)];
      if (b.space != Buffer::Space::Local) continue;
      locals.push_back(&b);
      total += size(&b);
    }
    std::stable_sort(locals.begin(), locals.end(),
                     [&](const Buffer* a, const Buffer* b) { return size(a) > size(b); });
    for (auto widest = locals.begin(); total > kMostStack; ++widest) {
      (*widest)->space = Buffer::Space::Lanes;
      total -= size(*widest);
    }
  }

  void number_scratch() {
    std::set<int> used;
    each_list([&](Nodes& nodes) { note_uses(nodes, used); });
    std::vector<Buffer*> lanes;
    for (std::size_t i = 0; i < plan_.buffers.size(); ++i) {
      Buffer& b = plan_.buffers[i];
      if (!used.count(static_cast<int>(i))) continue;
      if (b.space == Buffer::Space::Lanes) lanes.push_back(&b);
      if (const auto size = scratch_bytes(b)) b.index = scratch(b.name, *size);
    }
    if (!lanes.empty()) place_lanes(lanes);
  }

  // All in one, block by block.
  void place_lanes(const std::vector<Buffer*>& lanes) {
    std::int64_t block_bytes = 0;
    for (Buffer* b : lanes) {
      b->offset = Dim(block_bytes);
      block_bytes += tile_bytes(b->elements, b->dtype);
    }
    const int index = scratch("lanes", Dim::symbol(kBlocksSymbol) * Dim(block_bytes));
    for (Buffer* b : lanes) {
      b->index = index;
      b->block_bytes = block_bytes;
    }
  }

  int scratch(const std::string& name, const Dim& bytes) {
    plan_.signature.scratch.push_back({name, bytes});
    return static_cast<int>(plan_.signature.scratch.size()) - 1;
  }
};

}  // namespace

void finish_plan(Plan& plan, const std::set<int>& kept) { Finisher(plan, kept).run(); }

}  // namespace nodec::lowering
