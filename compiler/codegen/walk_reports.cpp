// What a run reports: that it stops, and where; what it tells on its way.
#include <cstddef>

#include "compiler/codegen/walk.h"
#include "ir/abi.h"
#include "kernels/catalogue.h"

namespace nodec {

using namespace plan;

void Walker::fail_if(const FailIf& node) {
  const Code status = e_.convert(scalars_[static_cast<std::size_t>(node.status)], Scalar::I64);
  stop_if(e_.compare(Compare::Ne, status, zero_), status, node.progress);
}

void Walker::put(std::size_t offset, Dtype dtype, Code value) {
  e_.store(field(offsetof(CallFrame, outcome)), i64(static_cast<std::int64_t>(offset / 8)), dtype,
           value);
}

// Every thread returns; the first one writes the outcome.
void Walker::stop_if(Code stops, Code status, const std::optional<Progress>& progress) {
  const auto number = [&](int id, Scalar kind) {
    return e_.convert(scalars_[static_cast<std::size_t>(id)], kind);
  };
  e_.branch(
      e_.bit_and(stops, e_.compare(Compare::Eq, thread_, zero_)),
      [&] {
        put(offsetof(Outcome, status), Dtype::I64, status);
        if (!progress) return Emitter::Values{};
        put(offsetof(Outcome, t), Dtype::F64, number(progress->t, Scalar::F64));
        put(offsetof(Outcome, dt), Dtype::F64, number(progress->dt, Scalar::F64));
        put(offsetof(Outcome, accepted), Dtype::I64, number(progress->accepted, Scalar::I64));
        put(offsetof(Outcome, rejected), Dtype::I64, number(progress->rejected, Scalar::I64));
        put(offsetof(Outcome, site), Dtype::I64, i64(progress->site.value_or(-1)));
        put(offsetof(Outcome, reverse), Dtype::I64, i64(progress->reverse ? 1 : 0));
        return Emitter::Values{};
      },
      [] { return Emitter::Values{}; });
  leave_if(stops);
}

void Walker::tell(const Tell& node) {
  only_first(
      [&] { node.op->primitive == &tell_solved_p ? tell_solved(node) : tell_not_finite(node); });
}

void Walker::tell_solved(const Tell& node) {
  const bool reverse = node.op->attrs.get_or<bool>("reverse", false);
  const std::size_t counts = reverse ? offsetof(Outcome, backward) : offsetof(Outcome, forward);
  const Code outcome = field(offsetof(CallFrame, outcome));
  const auto add = [&](std::size_t offset, Code more) {
    const Code at = i64(static_cast<std::int64_t>((counts + offset) / 8));
    e_.store(outcome, at, Dtype::I64, e_.add(e_.load(outcome, at, Dtype::I64), more));
  };
  const auto count = [&](std::size_t i) {
    return e_.select(scalars_[static_cast<std::size_t>(node.operands[i])], one_, zero_);
  };
  add(offsetof(SolveCounts, solves), one_);
  add(offsetof(SolveCounts, below_atol), count(0));
  add(offsetof(SolveCounts, rejecting), count(1));
  add(offsetof(SolveCounts, stiff), count(2));
}

void Walker::tell_not_finite(const Tell& node) {
  const auto number = [&](std::size_t i) {
    return e_.convert(scalars_[static_cast<std::size_t>(node.operands[i])], Scalar::I64);
  };
  const Attrs& attrs = node.op->attrs;
  const std::int64_t site = attrs.get_or<std::int64_t>("site", -1);
  put(offsetof(Outcome, component), Dtype::I64, number(0));
  put(offsetof(Outcome, sample), Dtype::I64, number(1));
  put(offsetof(Outcome, told), Dtype::I64,
      i64(2 * site + (attrs.get_or<bool>("reverse", false) ? 1 : 0)));
}

}  // namespace nodec
