// References to scalars, and the nodes that name them without one.
#include "ir/plan_scalars.h"

#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

class Noting {
 public:
  ScalarUses of(const Node& node) {
    ConstAccess refs;
    refs.read = refs.write = [&](const Ref& r) { read(r.scalar); };
    visit(node, refs);
    std::visit([&](const auto& n) { note(n); }, node.what);
    return std::move(uses_);
  }

 private:
  ScalarUses uses_;

  void read(int scalar) {
    if (scalar >= 0) uses_.read.push_back(scalar);
  }
  void made(int scalar) { uses_.made.push_back(scalar); }
  void read_all(const std::vector<int>& scalars) {
    for (const int each : scalars) read(each);
  }

  void note(const auto&) {}
  void note(const Scalars& n) {
    for (const int each : n.results) made(each);
  }
  void note(const AnySample& n) { made(n.scalar); }
  void note(const LoadScalar& n) { made(n.scalar); }
  void note(const StoreScalar& n) { read(n.scalar); }
  void note(const While& n) {
    for (const Carry& c : n.carries) read(c.init), made(c.scalar);
  }
  void note(const If& n) {
    read(n.predicate);
    for (const Merge& m : n.merges) made(m.scalar);
  }
  void note(const Progress& p) {
    for (const int each : {p.t, p.dt, p.accepted, p.rejected, p.callers_site}) read(each);
  }
  void note(const TapeFrame& n) {
    read(n.index), read(n.number);
    for (const TapeFrame::Part& part : n.loads) made(part.scalar);
    for (const TapeFrame::Part& part : n.stores) read(part.scalar);
    if (n.progress) note(*n.progress);
  }
  void note(const FailIf& n) { read(n.status), note(n.progress); }
  void note(const Call& n) {
    read_all(n.arguments);
    for (const int each : n.results) made(each);
  }
  void note(const Tell& n) { read_all(n.operands); }
  void note(const Tiles& n) {
    for (const Kernel& kernel : n.kernels) {
      const auto scales = [&](const auto& terms) {
        for (const auto& term : terms) read(term.scale.value_or(-1));
      };
      if (const SlotSum* k = std::get_if<SlotSum>(&kernel)) scales(k->terms);
      if (const SlotContract* k = std::get_if<SlotContract>(&kernel)) scales(k->terms);
    }
  }
  void note(const DenseKernel& n) {
    const auto scales = [&](const auto& terms) {
      for (const auto& term : terms) read(term.scale.value_or(-1));
    };
    if (const DenseScatter* k = std::get_if<DenseScatter>(&n)) scales(k->terms);
    if (const LargeContract* k = std::get_if<LargeContract>(&n)) scales(k->terms);
  }
};

}  // namespace

ScalarUses scalars_of(const Node& node) { return Noting().of(node); }

ScalarUses all_scalars_of(const Node& node) {
  ScalarUses all = scalars_of(node);
  const auto add = [](std::vector<int>& to, const std::vector<int>& more) {
    to.insert(to.end(), more.begin(), more.end());
  };
  const auto lists = inside(node);
  for (std::size_t i = 0; i < lists.size(); ++i) {
    for (const Node& each : *lists[i]) {
      const ScalarUses uses = all_scalars_of(each);
      add(all.read, uses.read);
      add(all.made, uses.made);
    }
    add(all.read, taken_from(node, i));
  }
  return all;
}

std::vector<int> taken_from(const Node& node, std::size_t list) {
  std::vector<int> all;
  if (const While* n = std::get_if<While>(&node.what)) {
    if (list == 0) return {n->test_scalar};
    for (const Carry& c : n->carries) all.push_back(c.next);
  }
  if (const If* n = std::get_if<If>(&node.what)) {
    for (const Merge& m : n->merges) all.push_back(list == 0 ? m.when_true : m.when_false);
  }
  return all;
}

}  // namespace nodec::plan
