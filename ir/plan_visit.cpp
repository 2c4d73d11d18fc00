// Which references each kernel and node has.
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

template <class... F>
struct Match : F... {
  using F::operator()...;
};
template <class... F>
Match(F...) -> Match<F...>;

void visit_computes(std::vector<Compute>& computes, const Access& a) {
  for (Compute& c : computes) {
    for (Source& s : c.operands) {
      if (Ref* from = std::get_if<Ref>(&s)) a.read(*from);
    }
    if (c.to) a.write(*c.to);
  }
}

}  // namespace

void visit(Kernel& kernel, const Access& a) {
  std::visit(Match{[&](Map& k) { visit_computes(k.computes, a); },
                   [&](MatVec& k) {
                     a.read(k.weight);
                     a.read(k.x);
                     if (k.start) a.read(*k.start);
                     a.write(k.out);
                   },
                   [&](FoldElements& k) {
                     a.read(k.x);
                     a.write(k.out);
                   },
                   [&](SlotSum& k) {
                     for (SlotTerm& t : k.terms) {
                       a.read(t.x);
                       if (t.y) a.read(*t.y);
                     }
                     a.write_buffer(k.slots);
                   },
                   [&](SlotContract& k) {
                     for (ContractTerm& t : k.terms) {
                       a.read(t.g);
                       a.read(t.h);
                     }
                     a.write_buffer(k.slots);
                   },
                   [&](GatherRows& k) {
                     a.read(k.table);
                     a.read(k.index);
                     a.write(k.out);
                   },
                   [&](ScatterRows& k) {
                     a.read(k.update);
                     a.read(k.index);
                     a.write(k.out);
                   },
                   [&](Transfer& k) {
                     a.read(k.import ? k.dense : k.lanes);
                     a.write(k.import ? k.lanes : k.dense);
                   },
                   [&](TransposeRows& k) {
                     a.read(k.x);
                     a.write_buffer(k.rows);
                   },
                   [&](Invoke& k) {
                     for (Ref& r : k.scalars) a.read(r);
                     for (Ref& r : k.pointers) {
                       a.read(r);
                       a.write(r);
                     }
                   }},
             kernel);
}

void visit(DenseKernel& kernel, const Access& a) {
  std::visit(Match{[&](DenseMap& k) { visit_computes(k.computes, a); },
                   [&](DenseFold& k) {
                     a.read(k.x);
                     a.write(k.out);
                   },
                   [&](DenseMatmul& k) {
                     a.read(k.a);
                     a.read(k.b);
                     if (k.start) a.read(*k.start);
                     a.write(k.out);
                   },
                   [&](DenseGather& k) {
                     a.read(k.table);
                     a.read(k.index);
                     a.write(k.out);
                   },
                   [&](DenseScatter& k) {
                     for (ScatterTerm& t : k.terms) {
                       a.read(t.update);
                       a.read(t.index);
                     }
                     if (k.accumulate) a.read(k.out);
                     a.write(k.out);
                   },
                   [&](LargeContract& k) {
                     for (RowsTerm& t : k.terms) {
                       a.read(t.g);
                       if (SampleRows* h = std::get_if<SampleRows>(&t.h)) a.read_buffer(h->buffer);
                       if (TableRows* h = std::get_if<TableRows>(&t.h)) {
                         a.read(h->table);
                         a.read(h->index);
                         visit_computes(h->computes, a);
                       }
                     }
                     if (k.accumulate) a.read(k.out);
                     a.write(k.out);
                   }},
             kernel);
}

void visit(Node& node, const Access& a) {
  std::visit(Match{[&](Scalars& n) { visit_computes(n.computes, a); },
                   [&](Tiles& n) {
                     for (Kernel& k : n.kernels) visit(k, a);
                   },
                   [&](ClearSlots& n) { a.write_buffer(n.slots); },
                   [&](FoldSlots& n) {
                     a.read_buffer(n.slots);
                     a.write_buffer(n.slots);
                     a.write(n.out);
                   },
                   [&](LoadScalar& n) { a.read(n.from); }, [&](StoreScalar& n) { a.write(n.to); },
                   [&](DenseKernel& n) { visit(n, a); }, [&](auto&) {}},
             node.what);
}

namespace {

template <class What>
Uses buffers_of(const What& what) {
  Uses uses;
  const auto note = [](std::set<int>& to, int buffer) {
    if (buffer >= 0) to.insert(buffer);
  };
  Access a;
  a.read = [&](Ref& r) { note(uses.read, r.buffer); };
  a.write = [&](Ref& r) { note(uses.written, r.buffer); };
  a.read_buffer = [&](int b) { note(uses.read, b); };
  a.write_buffer = [&](int b) { note(uses.written, b); };
  visit(const_cast<What&>(what), a);  // which changes nothing
  return uses;
}

}  // namespace

Uses uses_of(const Node& node) { return buffers_of(node); }
Uses uses_of(const DenseKernel& kernel) { return buffers_of(kernel); }

std::vector<Nodes*> inside(Node& node) {
  if (Phase* n = std::get_if<Phase>(&node.what)) return {&n->body};
  if (While* n = std::get_if<While>(&node.what)) return {&n->test, &n->body};
  if (If* n = std::get_if<If>(&node.what)) return {&n->then_body, &n->else_body};
  return {};
}

std::vector<const Nodes*> inside(const Node& node) {
  const std::vector<Nodes*> lists = inside(const_cast<Node&>(node));
  return {lists.begin(), lists.end()};
}

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
