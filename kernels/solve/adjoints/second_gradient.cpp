// The coarser solve, and how far two gradients are apart.
#include "kernels/solve/adjoints/second_gradient.h"

#include "kernels/build.h"
#include "kernels/solve/adjoints/estimate.h"
#include "kernels/solve/request.h"

namespace nodec {
namespace {

// rms(xs - ys) relative to xs and what stands beside them.
Value* difference(Builder& b, const Values& xs, const Values& ys, Values beside = {}) {
  Values differences;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (xs[i] == nullptr || ys[i] == nullptr) continue;
    differences.push_back(sub(b, xs[i], ys[i])), beside.push_back(xs[i]);
  }
  return differences.empty() ? nullptr : relative_rms(b, differences, beside);
}

}  // namespace

Op& coarser_solve(Builder& b, const Op& y) {
  refuse_error_without_weights(SolveView(y));
  Values operands = y.operands;
  for (const std::size_t i : {SolveView::kRtol, SolveView::kAtol}) {
    operands[i] = mul(b, operands[i], scalar(b, operands[i]->type.dtype(), kCoarser));
  }
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(y.region()));
  return b.op(*y.primitive, std::move(operands), y.attrs, std::move(regions));
}

Value* distance_from_coarser(Builder& b, const Op& y, std::span<Value* const> dy, const Values& dx,
                             const Values& coarser) {
  const SolveView solve(y);
  Value* told = zeros(b, solve.t0()->type);
  const auto compare = [&](std::size_t first, std::size_t count, Values beside = {}) {
    const auto part = [&](const Values& all) {
      return Values(all.begin() + long(first), all.begin() + long(first + count));
    };
    Value* share = difference(b, part(dx), part(coarser), std::move(beside));
    if (share != nullptr) told = max(b, told, share);
  };
  compare(0, 2);
  if (solve.has_stops()) compare(solve.first_state() - 1, 1);
  // Where lambda decays backwards, what is left of it says nothing of its error on the way.
  Values lambda;
  for (std::size_t i = 0; i < solve.states(); ++i) {
    if (dy[i] != nullptr) lambda.push_back(dy[i]);
  }
  compare(solve.first_state(), solve.states(), std::move(lambda));
  for (std::size_t i = 0; i < solve.capture_count(); ++i) compare(solve.first_capture() + i, 1);
  return told;
}

}  // namespace nodec
