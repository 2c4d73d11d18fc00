// Counts of operations, kernel by kernel.
#include "ir/plan_work.h"

#include "ir/primitive.h"

namespace nodec::plan {
namespace {

// A meeting takes about as long as this much work, a few hundred ns.
constexpr std::int64_t kSmall = 4096;
constexpr std::int64_t kExpansion = 16;  // exp, sin, ... of one element

using Count = std::optional<std::int64_t>;

Count times(Count a, Count b) {
  std::int64_t product = 0;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &product)) return std::nullopt;
  return product;
}

Count count(const std::vector<Dim>& sizes) {
  Count n = 1;
  for (const Dim& d : sizes) n = times(n, d.is_constant() ? Count(d.constant()) : std::nullopt);
  return n;
}

Count of(const DenseMap& k) { return times(count(k.extents), work(k.computes)); }
Count of(const DenseFold& k) {
  return times(count(k.outer), times(count(k.inner), 1 + work(k.computes)));
}
Count of(const DenseMatmul& k) { return count({k.rows, k.columns, k.inner}); }
Count of(const DenseGather& k) { return times(count(k.picks), times(count(k.row), 2)); }
Count of(const DenseScatter& k) {
  Count sum = count({k.limit});
  for (const ScatterTerm& t : k.terms) {
    const Count picks = t.samples ? std::nullopt : times(count(t.picks), 4);
    sum = sum && picks ? Count(*sum + *picks) : std::nullopt;
  }
  return times(sum, count(k.row));
}
Count of(const LargeContract&) { return std::nullopt; }

}  // namespace

std::int64_t work(const std::vector<Compute>& computes) {
  std::int64_t sum = 0;
  for (const Compute& c : computes)
    sum += c.op && c.op->primitive->cost == Cost::Tens ? kExpansion : 1;
  return sum;
}

std::optional<std::int64_t> work(const DenseKernel& kernel) {
  return std::visit([](const auto& k) { return of(k); }, kernel);
}

bool is_small(const DenseKernel& kernel) {
  const Count n = work(kernel);
  return n && *n <= kSmall;
}

std::optional<std::int64_t> outputs(const DenseKernel& kernel) {
  if (const DenseFold* k = std::get_if<DenseFold>(&kernel)) return count(k->outer);
  if (const DenseMatmul* k = std::get_if<DenseMatmul>(&kernel)) return count({k->rows, k->columns});
  if (const DenseMap* k = std::get_if<DenseMap>(&kernel)) return count(k->extents);
  if (const DenseGather* k = std::get_if<DenseGather>(&kernel)) {
    return times(count(k->picks), count(k->row));
  }
  if (const LargeContract* k = std::get_if<LargeContract>(&kernel)) return k->rows * k->columns;
  return std::nullopt;
}

}  // namespace nodec::plan
