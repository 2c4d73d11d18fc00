// How much work a kernel without a batch is, as far as the plan's sizes tell.
#pragma once

#include <cstdint>
#include <optional>

#include "ir/plan.h"

namespace nodec::plan {

// Operations that make one element.
std::int64_t work(const std::vector<Compute>& computes);

// Operations of one element each; nullopt: a size is a symbol, or samples take part.
std::optional<std::int64_t> work(const DenseKernel& kernel);

// Whether one thread does it in less time than a meeting takes.
bool is_small(const DenseKernel& kernel);

// Outputs, among which threads could share the work; nullopt: many.
std::optional<std::int64_t> outputs(const DenseKernel& kernel);

}  // namespace nodec::plan
