// The user's lines of a plan's kernels.
#include "ir/plan.h"

namespace nodec::plan {
namespace {

SourceLine line_of_any(const auto& kernel) {
  if constexpr (requires { kernel.where; }) {
    return kernel.where;
  } else if constexpr (requires { kernel.op; }) {
    return kernel.op != nullptr ? kernel.op->where : SourceLine{};
  } else if constexpr (requires { kernel.computes; }) {
    for (const Compute& c : kernel.computes) {
      if (c.op != nullptr && c.op->where.known()) return c.op->where;
    }
  }
  return {};
}

}  // namespace

SourceLine line_of(const Kernel& kernel) {
  return std::visit([](const auto& k) { return line_of_any(k); }, kernel);
}

SourceLine line_of(const DenseKernel& kernel) {
  return std::visit([](const auto& k) { return line_of_any(k); }, kernel);
}

}  // namespace nodec::plan
