// What the blocks of ops with regions share: their type checks, and which operands and results a
// derivative of theirs is about.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/rules.h"

namespace nodec {

Types result_types(const Region& region);
std::string list_of(const Types& types);  // "f32[3], i32[]", or "nothing"

// Operands from `first` on must be what region `r` takes; every one that differs is named.
void require_arguments(const Op& op, std::size_t r, std::size_t first);
void require_types(const Op& op, std::span<Value* const> operands, const Types& wanted);
std::string carry_name(const Op& op, std::size_t i);  // the user's name, else "value 2"

// A region that takes values of these types, with their names.
std::unique_ptr<Region> region_like(const std::vector<Value*>& values);

// Region arguments whose cotangents are asked for, when operand first + i is argument i; and
// results that a cotangent can reach.
std::vector<int> wanted_operands(const Differentiator& ad, const Op& op, std::size_t first);
std::vector<int> seeded_results(const Differentiator& ad, const Op& op);

}  // namespace nodec
