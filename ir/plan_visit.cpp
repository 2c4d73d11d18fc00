// Which references each kernel and node has.
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

// Goes over references; where these are const, so is all that is walked.
template <class R>
class Walk {
  template <class T>
  using Seen = std::conditional_t<std::is_const_v<R>, const T, T>;

 public:
  explicit Walk(const AccessBy<R>& access) : a_(access) {}

  void kernel(Seen<Kernel>& kernel) const {
    std::visit([&](auto& k) { of(k); }, kernel);
  }
  void dense(Seen<DenseKernel>& kernel) const {
    std::visit([&](auto& k) { of(k); }, kernel);
  }
  void node(Seen<Node>& node) const {
    std::visit([&](auto& n) { own(n); }, node.what);
  }

 private:
  const AccessBy<R>& a_;

  void computes(Seen<std::vector<Compute>>& all) const {
    for (auto& c : all) {
      for (auto& s : c.operands) {
        if (auto* from = std::get_if<Ref>(&s)) a_.read(*from);
      }
      if (c.to) a_.write(*c.to);
    }
  }

  void of(Seen<Map>& k) const { computes(k.computes); }
  void of(Seen<MatVec>& k) const {
    a_.read(k.weight);
    a_.read(k.x);
    if (k.start) a_.read(*k.start);
    a_.write(k.out);
  }
  void of(Seen<FoldElements>& k) const {
    computes(k.computes);
    a_.write(k.out);
  }
  void of(Seen<SlotSum>& k) const {
    for (auto& t : k.terms) {
      a_.read(t.x);
      if (t.y) a_.read(*t.y);
    }
    a_.write_buffer(k.slots);
  }
  void of(Seen<SlotContract>& k) const {
    for (auto& t : k.terms) {
      a_.read(t.g);
      a_.read(t.h);
    }
    a_.write_buffer(k.slots);
  }
  void of(Seen<GatherRows>& k) const {
    a_.read(k.table);
    a_.read(k.index);
    a_.write(k.out);
  }
  void of(Seen<ScatterRows>& k) const {
    a_.read(k.update);
    a_.read(k.index);
    a_.write(k.out);
  }
  void of(Seen<Transfer>& k) const {
    a_.read(k.import ? k.dense : k.lanes);
    a_.write(k.import ? k.lanes : k.dense);
  }
  void of(Seen<TransposeRows>& k) const {
    a_.read(k.x);
    a_.write_buffer(k.rows);
  }
  void of(Seen<Invoke>& k) const {
    for (auto& r : k.scalars) a_.read(r);
    for (auto& r : k.pointers) {
      a_.read(r);
      a_.write(r);
    }
  }

  void of(Seen<DenseMap>& k) const { computes(k.computes); }
  void of(Seen<DenseFold>& k) const {
    computes(k.computes);
    a_.write(k.out);
  }
  void of(Seen<DenseMatmul>& k) const {
    a_.read(k.a);
    a_.read(k.b);
    if (k.start) a_.read(*k.start);
    a_.write(k.out);
  }
  void of(Seen<DenseGather>& k) const {
    a_.read(k.table);
    a_.read(k.index);
    a_.write(k.out);
  }
  void of(Seen<DenseScatter>& k) const {
    for (auto& t : k.terms) {
      a_.read(t.update);
      a_.read(t.index);
    }
    if (k.accumulate) a_.read(k.out);
    a_.write(k.out);
  }
  void of(Seen<LargeContract>& k) const {
    for (auto& t : k.terms) {
      a_.read(t.g);
      if (auto* h = std::get_if<SampleRows>(&t.h)) a_.read_buffer(h->buffer);
      if (auto* h = std::get_if<TableRows>(&t.h)) {
        a_.read(h->table);
        a_.read(h->index);
        computes(h->computes);
      }
    }
    if (k.accumulate) a_.read(k.out);
    a_.write(k.out);
  }

  void own(auto&) const {}  // of what has none
  void own(Seen<Scalars>& n) const { computes(n.computes); }
  void own(Seen<Tiles>& n) const {
    for (auto& k : n.kernels) kernel(k);
  }
  void own(Seen<ClearSlots>& n) const { a_.write_buffer(n.slots); }
  void own(Seen<FoldSlots>& n) const {
    a_.read_buffer(n.slots);
    a_.write_buffer(n.slots);
    a_.write(n.out);
  }
  void own(Seen<AnySample>& n) const { a_.read(n.of); }
  void own(Seen<LoadScalar>& n) const { a_.read(n.from); }
  void own(Seen<StoreScalar>& n) const { a_.write(n.to); }
  void own(Seen<DenseKernel>& n) const { dense(n); }
};

}  // namespace

void visit(Kernel& kernel, const Access& access) { Walk(access).kernel(kernel); }
void visit(const Kernel& kernel, const ConstAccess& access) { Walk(access).kernel(kernel); }
void visit(const DenseKernel& kernel, const ConstAccess& access) { Walk(access).dense(kernel); }
void visit(Node& node, const Access& access) { Walk(access).node(node); }
void visit(const Node& node, const ConstAccess& access) { Walk(access).node(node); }

namespace {

ConstAccess noting(Uses& uses) {
  const auto note = [](std::set<int>& to) {
    return [&to](int buffer) {
      if (buffer >= 0) to.insert(buffer);
    };
  };
  const auto read = note(uses.read), written = note(uses.written);
  return {[=](const Ref& r) { read(r.buffer); }, [=](const Ref& r) { written(r.buffer); }, read,
          written};
}

Uses buffers_of(const auto& what) {
  Uses uses;
  visit(what, noting(uses));
  return uses;
}

template <class List>
std::vector<List*> lists_in(auto& node) {
  if (auto* n = std::get_if<Phase>(&node.what)) return {&n->body};
  if (auto* n = std::get_if<While>(&node.what)) return {&n->test, &n->body};
  if (auto* n = std::get_if<If>(&node.what)) return {&n->then_body, &n->else_body};
  return {};
}

}  // namespace

Uses uses_of(const Node& node) { return buffers_of(node); }
Uses uses_of(const Kernel& kernel) { return buffers_of(kernel); }
Uses uses_of(const DenseKernel& kernel) { return buffers_of(kernel); }

const Ref* as_it_is(const std::vector<Compute>& computes) {
  const Compute& first = computes.front();
  return computes.size() == 1 && first.op == nullptr ? std::get_if<Ref>(&first.operands[0])
                                                     : nullptr;
}

std::vector<Nodes*> inside(Node& node) { return lists_in<Nodes>(node); }
std::vector<const Nodes*> inside(const Node& node) { return lists_in<const Nodes>(node); }

namespace {

using EachOp = std::function<void(const Op*&)>;

void ops_in(std::vector<Compute>& computes, const EachOp& f) {
  for (Compute& c : computes) {
    if (c.op) f(c.op);
  }
}

// A kernel's or a node's own.
void ops_in(auto& one, const EachOp& f) {
  if constexpr (requires { one.op; }) {
    if (one.op) f(one.op);
  }
  if constexpr (requires { one.computes; }) ops_in(one.computes, f);
}
void ops_in(LargeContract& k, const EachOp& f) {
  if (k.op) f(k.op);
  for (RowsTerm& t : k.terms) {
    if (TableRows* rows = std::get_if<TableRows>(&t.h)) ops_in(rows->computes, f);
  }
}
void ops_in(DenseKernel& kernel, const EachOp& f) {
  std::visit([&](auto& k) { ops_in(k, f); }, kernel);
}
void ops_in(Tiles& tiles, const EachOp& f) {
  for (Kernel& kernel : tiles.kernels) {
    std::visit([&](auto& k) { ops_in(k, f); }, kernel);
  }
}
void ops_in(Nodes& nodes, const EachOp& f) {
  for (Node& node : nodes) {
    std::visit([&](auto& n) { ops_in(n, f); }, node.what);
    for (Nodes* list : inside(node)) ops_in(*list, f);
  }
}

}  // namespace

void each_op(Plan& plan, const EachOp& f) {
  for (Buffer& b : plan.buffers) {
    if (b.constant) f(b.constant);
  }
  for (Function& function : plan.functions) ops_in(function.body, f);
  ops_in(plan.body, f);
}

}  // namespace nodec::plan
