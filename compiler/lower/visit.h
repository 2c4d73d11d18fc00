// Walks over the buffers that kernels read and write.
#pragma once

#include <functional>

#include "ir/plan.h"

namespace nodec::lowering {

struct Access {
  std::function<void(plan::Ref&)> read = [](plan::Ref&) {};
  std::function<void(plan::Ref&)> write = [](plan::Ref&) {};
  std::function<void(int)> read_buffer = [](int) {};  // buffers named without a Ref
  std::function<void(int)> write_buffer = [](int) {};
};

void visit(plan::Kernel& kernel, const Access& access);
void visit(plan::DenseKernel& kernel, const Access& access);
// A node's own references, not those of nodes inside it.
void visit(plan::Node& node, const Access& access);
// The lists of nodes inside a node.
std::vector<plan::Nodes*> inside(plan::Node& node);

}  // namespace nodec::lowering
