// The ops of the user's program that a plan's kernels stand for.
#include <algorithm>

#include "ir/plan.h"

namespace nodec::plan {
namespace {

const Op* op_of_any(const auto& kernel) {
  if constexpr (requires { kernel.op; }) {
    return kernel.op;
  } else if constexpr (requires { kernel.computes; }) {
    const auto known = [](const Compute& c) { return c.op != nullptr && c.op->where.known(); };
    const auto found = std::find_if(kernel.computes.begin(), kernel.computes.end(), known);
    return found != kernel.computes.end() ? found->op : nullptr;
  }
  return nullptr;
}

}  // namespace

const Op* op_of(const Kernel& kernel) {
  return std::visit([](const auto& k) { return op_of_any(k); }, kernel);
}

const Op* op_of(const DenseKernel& kernel) {
  return std::visit([](const auto& k) { return op_of_any(k); }, kernel);
}

}  // namespace nodec::plan
