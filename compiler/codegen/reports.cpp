// What a run reports: that it stops, and where; what it tells on its way.
#include "compiler/codegen/reports.h"

#include <cstddef>

#include "ir/abi.h"
#include "kernels/catalogue.h"

namespace nodec::codegen {

using namespace plan;

void Reports::leave_if(Code stops) {
  if (answer) w_.e.store(*answer, w_.zero, Dtype::I64, w_.e.convert(stops, Scalar::I64));
  w_.e.return_if(stops);
}

void Reports::fail_if(const FailIf& n) {
  const Code status = w_.e.convert(w_.scalar(n.status), Scalar::I64);
  stop_if(w_.e.compare(Compare::Ne, status, w_.e.constant(Scalar::I64, 0)), status, n.progress);
}

void Reports::put(std::size_t offset, Dtype dtype, Code value) {
  const Code outcome = w_.e.outcome();
  w_.e.store(outcome, w_.index(std::int64_t(offset / 8)), dtype, value);
}

// Every member returns; the first one writes the outcome.
void Reports::stop_if(Code stops, Code status, const std::optional<Progress>& progress) {
  const auto number = [&](int id, Scalar kind) { return w_.e.convert(w_.scalar(id), kind); };
  const auto i64 = [&](std::int64_t n) { return w_.e.constant(Scalar::I64, double(n)); };
  w_.when(w_.e.bit_and(stops, w_.e.is_first()), [&] {
    put(offsetof(Outcome, status), Dtype::I64, status);
    if (!progress) return;
    put(offsetof(Outcome, t), Dtype::F64, number(progress->t, Scalar::F64));
    put(offsetof(Outcome, dt), Dtype::F64, number(progress->dt, Scalar::F64));
    put(offsetof(Outcome, accepted), Dtype::I64, number(progress->accepted, Scalar::I64));
    put(offsetof(Outcome, rejected), Dtype::I64, number(progress->rejected, Scalar::I64));
    put(offsetof(Outcome, site), Dtype::I64,
        progress->callers_site >= 0 ? number(progress->callers_site, Scalar::I64)
                                    : i64(progress->site.value_or(-1)));
    put(offsetof(Outcome, reverse), Dtype::I64, i64(progress->reverse ? 1 : 0));
  });
  leave_if(stops);
}

void Reports::tell(const Tell& n) {
  w_.e.once([&] { n.op->primitive == &tell_solved_p ? tell_solved(n) : tell_not_finite(n); });
}

void Reports::tell_solved(const Tell& n) {
  const bool reverse = n.op->attrs.get_or<bool>("reverse", false);
  const std::size_t counts = reverse ? offsetof(Outcome, backward) : offsetof(Outcome, forward);
  const Code outcome = w_.e.outcome();
  const Code one = w_.e.constant(Scalar::I64, 1), none = w_.e.constant(Scalar::I64, 0);
  const auto add = [&](std::size_t offset, Code more) {
    const Code at = w_.index(std::int64_t((counts + offset) / 8));
    const Code before = w_.e.load(outcome, at, Dtype::I64);
    w_.e.store(outcome, at, Dtype::I64, w_.e.add(before, more));
  };
  const auto count = [&](std::size_t i) {
    return w_.e.select(w_.scalar(n.operands[i]), one, none);
  };
  add(offsetof(SolveCounts, solves), one);
  add(offsetof(SolveCounts, below_atol), count(0));
  add(offsetof(SolveCounts, rejecting), count(1));
  add(offsetof(SolveCounts, stiff), count(2));
}

void Reports::tell_not_finite(const Tell& n) {
  const auto number = [&](std::size_t i) {
    return w_.e.convert(w_.scalar(n.operands[i]), Scalar::I64);
  };
  const Attrs& attrs = n.op->attrs;
  const auto i64 = [&](std::int64_t x) { return w_.e.constant(Scalar::I64, double(x)); };
  const Code site = n.operands.size() > 2 ? number(2) : i64(attrs.get_or<std::int64_t>("site", -1));
  const Code reverse = i64(attrs.get_or<bool>("reverse", false) ? 1 : 0);
  put(offsetof(Outcome, component), Dtype::I64, number(0));
  put(offsetof(Outcome, sample), Dtype::I64, number(1));
  put(offsetof(Outcome, told), Dtype::I64, w_.e.add(w_.e.add(site, site), reverse));
}

}  // namespace nodec::codegen
