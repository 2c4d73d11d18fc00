// Loops, branches and calls of a traced program. Bodies are C++ callables, traced once. A body may
// assign variables declared outside: in a loop's or branch's body that is a value carried out of
// it, in a call's body a store to a box (README.md).
#pragma once

#include <functional>
#include <optional>

#include "compiler/trace/tree.h"

namespace nodec {

struct LoopOptions {
  // What a gradient may keep of the turns, in bytes; 0: as much as it needs. Under a cap the loop
  // keeps some of its states and a gradient runs every turn twice (kernels/loop_checkpoints.h).
  std::int64_t tape_bytes = 0;
};

namespace tracing {

using Traced1 = std::function<Contents(Contents)>;
using Traced0 = std::function<Contents()>;
Contents run_while(const Contents& carry, const Traced1& test, const Traced1& body,
                   const LoopOptions& options, const SourceLine& where);
Contents run_cond(const Operand& pred, const Traced0& then_body, const Traced0& else_body,
                  const SourceLine& where);
Contents run_call(std::string_view name, const Contents& args, const Traced1& body,
                  const SourceLine& where);

}  // namespace tracing

// Carries `init` (a Var, a record, or a vector, pair or tuple of such) through `body` for as long
// as `test` holds; a tuple's elements are separate arguments. Returns the last carry.
//
// A test of one number for each sample, bool[B], ends the loop for each sample by itself: it keeps
// what it has from then on, and what its further turns would make reaches nothing, in derivatives
// too. Every carry has the samples as its last axis then, and nothing in the loop is about several
// of them: an Error names what is.
template <tracing::Tree T, class Test, class Body>
tracing::OwnedTree<T> while_loop(const T& init, Test&& test, Body&& body,
                                 const LoopOptions& options = {}, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  const auto traced_test = [&](tracing::Contents carry) {
    const Var holds = tracing::call_with(test, tracing::grown(init, std::move(carry), line));
    return tracing::contents(holds, line);
  };
  const auto traced_body = [&](tracing::Contents carry) {
    const tracing::OwnedTree<T> next =
        tracing::call_with(body, tracing::grown(init, std::move(carry), line));
    return tracing::contents(next, line);
  };
  const tracing::Contents carry = tracing::contents(init, line);
  return tracing::grown(init, tracing::run_while(carry, traced_test, traced_body, options, line),
                        line);
}

// One of two bodies without arguments, chosen at run time. Both return the same types, or nothing.
template <class Then, class Else>
auto cond(Operand pred, Then&& then_body, Else&& else_body, Here where = Here::current()) {
  using Result = std::remove_cvref_t<std::invoke_result_t<Then&>>;
  const SourceLine line = SourceLine::of(where);
  if constexpr (std::is_void_v<Result>) {
    const auto traced = [](auto& body) {
      return [&body] {
        body();
        return tracing::Contents{};
      };
    };
    tracing::run_cond(pred, traced(then_body), traced(else_body), line);
  } else {
    static_assert(std::same_as<Result, std::remove_cvref_t<std::invoke_result_t<Else&>>>,
                  "both bodies of a cond return the same C++ type");
    std::optional<Result> like;
    const auto traced = [&](auto& body) {
      return [&] {
        like.emplace(body());
        return tracing::contents(*like, line);
      };
    };
    tracing::Contents results = tracing::run_cond(pred, traced(then_body), traced(else_body), line);
    return tracing::grown(*like, std::move(results), line);
  }
}

// Traces f on `args` (a tree; a tuple's elements are separate arguments) as a region of its own,
// under a name that dumps and reports show.
template <class F, tracing::Tree T>
auto call(std::string_view name, F&& f, const T& args, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  std::optional<tracing::ResultOf<F, T>> like;
  const auto traced = [&](tracing::Contents inside) {
    like.emplace(tracing::call_with(f, tracing::grown(args, std::move(inside), line)));
    return tracing::contents(*like, line);
  };
  tracing::Contents results = tracing::run_call(name, tracing::contents(args, line), traced, line);
  return tracing::grown(*like, std::move(results), line);
}

}  // namespace nodec
