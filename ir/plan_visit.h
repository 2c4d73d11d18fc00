// Walks over the buffers that kernels read and write, and over the ops that a plan names.
#pragma once

#include <functional>
#include <set>

#include "ir/plan.h"

namespace nodec::plan {

template <class R>
struct AccessBy {
  std::function<void(R&)> read = [](R&) {};
  std::function<void(R&)> write = [](R&) {};
  std::function<void(int)> read_buffer = [](int) {};  // buffers named without a Ref
  std::function<void(int)> write_buffer = [](int) {};
};
using Access = AccessBy<Ref>;
using ConstAccess = AccessBy<const Ref>;

void visit(Kernel& kernel, const Access& access);
void visit(const Kernel& kernel, const ConstAccess& access);
void visit(const DenseKernel& kernel, const ConstAccess& access);
// A node's own references, not those of nodes inside it.
void visit(Node& node, const Access& access);
void visit(const Node& node, const ConstAccess& access);
// Every place where an op is named.
void each_op(Plan& plan, const std::function<void(const Op*&)>& f);
// Buffers, each once.
struct Uses {
  std::set<int> read, written;
};
Uses uses_of(const Node& node);  // its own, as above
Uses uses_of(const Kernel& kernel);
Uses uses_of(const DenseKernel& kernel);
// What a fold of these computations reads from memory and folds as it is; null: it computes.
const Ref* as_it_is(const std::vector<Compute>& computes);
// The lists of nodes inside a node.
std::vector<Nodes*> inside(Node& node);
std::vector<const Nodes*> inside(const Node& node);

}  // namespace nodec::plan
