// Loops over the rows of tensors: what a recurrence over a sequence is written with.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "compiler/trace/control.h"

namespace nodec {

struct ScanOptions {
  bool reverse = false;  // from the last row to the first; what is stacked keeps its row
  LoopOptions loop = {};
};

namespace tracing {

struct Scanned {
  Contents carry, stacked;
};
// The next carry and what is stacked, from the carry and one row of each table.
using TracedScan = std::function<Scanned(Contents carry, Contents rows)>;
// Tables are tensors of one size along axis 0, of which each turn sees one row. Without tables,
// `turns` (an integer scalar) says how many there are, and the row is the number of the turn.
Scanned run_scan(const Contents& carry, const Contents& tables, const std::optional<Operand>& turns,
                 const ScanOptions& options, const TracedScan& body, const SourceLine& where);

template <class Body, class T, class Rows>
using ScanResult = std::remove_cvref_t<std::invoke_result_t<Body&, OwnedTree<T>, OwnedTree<Rows>>>;

// Whether a body returns, beside the carry, something to stack.
template <class R, class T>
struct Stacks : std::false_type {};
template <class Y, class T>
struct Stacks<std::pair<T, Y>, T> : std::true_type {};

}  // namespace tracing

// Carries `init` through body(carry, row) for each row (along axis 0) of `xs`, in order; each may
// be a Var or a vector, pair or tuple of such, which the body gets and returns as it stands. Where
// the body returns a pair of the carry and something else, that is stacked: the result is the last
// carry, or the pair of it and of tensors with one row for each turn. Error where the tensors of
// `xs` have different numbers of rows.
template <tracing::Tree T, tracing::Tree X, class Body>
auto scan(const T& init, const X& xs, Body&& body, const ScanOptions& options = {},
          Here where = Here::current()) {
  using Carry = tracing::OwnedTree<T>;
  using Result = tracing::ScanResult<Body, T, X>;
  constexpr bool stacks = tracing::Stacks<Result, Carry>::value;
  static_assert(stacks || std::same_as<Result, Carry>,
                "a scan's body returns the next carry, or a pair of it and of what is stacked");
  const SourceLine line = SourceLine::of(where);
  std::optional<Result> like;
  const auto traced = [&](tracing::Contents carry, tracing::Contents rows) -> tracing::Scanned {
    like.emplace(body(tracing::grown(init, std::move(carry), line),
                      tracing::grown(xs, std::move(rows), line)));
    if constexpr (stacks) {
      return {tracing::contents(like->first, line), tracing::contents(like->second, line)};
    } else {
      return {tracing::contents(*like, line), {}};
    }
  };
  tracing::Scanned end = tracing::run_scan(tracing::contents(init, line),
                                           tracing::contents(xs, line), {}, options, traced, line);
  Carry last = tracing::grown(init, std::move(end.carry), line);
  if constexpr (stacks) {
    return std::pair(std::move(last), tracing::grown(like->second, std::move(end.stacked), line));
  } else {
    return last;
  }
}

// f(row) for each row of `xs`, stacked: a loop whose turns do not see each other.
template <tracing::Tree X, class F>
auto for_each(const X& xs, F&& f, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  std::optional<std::remove_cvref_t<std::invoke_result_t<F&, tracing::OwnedTree<X>>>> like;
  const auto traced = [&](tracing::Contents, tracing::Contents rows) -> tracing::Scanned {
    like.emplace(f(tracing::grown(xs, std::move(rows), line)));
    return {{}, tracing::contents(*like, line)};
  };
  tracing::Scanned end = tracing::run_scan({}, tracing::contents(xs, line), {}, {}, traced, line);
  return tracing::grown(*like, std::move(end.stacked), line);
}

// Carries `init` through body(i, carry) for i = 0, 1, ... turns - 1; `turns`, an i32, may be known
// at run time only. A tuple's elements are separate arguments.
template <tracing::Tree T, class Body>
tracing::OwnedTree<T> repeat(Operand turns, const T& init, Body&& body,
                             const LoopOptions& options = {}, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  const auto traced = [&](tracing::Contents carry, tracing::Contents turn) -> tracing::Scanned {
    Var i(where);
    tracing::bind(i, std::move(turn.front()), line);
    const auto with_turn = [&](auto&&... parts) { return body(i, std::move(parts)...); };
    const tracing::OwnedTree<T> next =
        tracing::call_with(with_turn, tracing::grown(init, std::move(carry), line));
    return {tracing::contents(next, line), {}};
  };
  tracing::Scanned end =
      tracing::run_scan(tracing::contents(init, line), {}, turns, {false, options}, traced, line);
  return tracing::grown(init, std::move(end.carry), line);
}

}  // namespace nodec
