// The second gradient is written by the discrete rule itself, over a solve without the first's
// tape.
#include "kernels/solve/adjoints/second_gradient.h"

#include "kernels/build.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/adjoints/estimate.h"

namespace nodec {
namespace {

// The solve as it stood before it was given a tape; nothing uses it but the rule, for its parts.
Op& without_tape(Builder& b, const Op& y) {
  Attrs attrs = y.attrs;
  attrs.set("tape", std::string()).set("adjoint", std::string("discrete"));
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(y.region()));
  return b.op(solve_p, y.operands, std::move(attrs), std::move(regions));
}

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

void report_by_second_gradient(Differentiator& ad, Builder& b, const Op& y,
                               std::span<Value* const> dy, const Values& dx) {
  const Adjoint& discrete = *find_adjoint("discrete");
  const SolveView solve(y);
  Op& again = discrete.augment(ad, b, without_tape(b, y), y.operands);
  const Values second = discrete.reverse(ad, b, again, dy);
  again.regions.resize(1);  // the others served the rule
  const auto report = [&](std::size_t first, std::size_t count, Values beside = {}) {
    const auto part = [&](const Values& all) {
      return Values(all.begin() + long(first), all.begin() + long(first + count));
    };
    Value* share = difference(b, part(dx), part(second), std::move(beside));
    if (share != nullptr) ad.report_error(b, share);
  };
  report(0, 2);
  if (solve.has_stops()) report(solve.first_state() - 1, 1);
  // Where lambda decays backwards, what is left of it says nothing of its error on the way.
  Values lambda;
  for (std::size_t i = 0; i < solve.states(); ++i) {
    if (dy[i] != nullptr) lambda.push_back(dy[i]);
  }
  report(solve.first_state(), solve.states(), std::move(lambda));
  for (std::size_t i = 0; i < solve.capture_count(); ++i) report(solve.first_capture() + i, 1);
}

}  // namespace nodec
