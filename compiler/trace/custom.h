// Functions with a derivative of one's own: where a better formula is known than that of the ops
// (an implicit function, a fixed point, a clipped gradient).
#pragma once

#include "compiler/trace/control.h"

namespace nodec {

namespace tracing {

struct CustomRule {
  bool forward = false;  // the rule gives tangents; else cotangents
  Traced1 f;
  // Of the arguments, and: the results and their cotangents, or the arguments' tangents.
  std::function<Contents(Contents args, Contents results, Contents moved)> rule;
};
Contents run_custom(const Contents& args, const CustomRule& custom, const SourceLine& where);

}  // namespace tracing

// f(args) with rule(args, results, cotangents of the results) -> cotangents of args for its
// derivative. Trees as in while_loop; f gets a tuple's elements as separate arguments, the rule
// trees as they stand. f returns floats; its cotangents by integers are not looked at. What f reads
// from outside of it is constant: a gradient by it is an Error, as is an assignment to it.
template <class F, class Rule, tracing::Tree T>
auto custom_vjp(F&& f, Rule&& rule, const T& args, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  std::optional<tracing::ResultOf<F, T>> like;
  const tracing::CustomRule custom{
      false,
      [&](tracing::Contents inside) {
        like.emplace(tracing::call_with(f, tracing::grown(args, std::move(inside), line)));
        return tracing::contents(*like, line);
      },
      [&](tracing::Contents inside, tracing::Contents results, tracing::Contents cotangents) {
        const tracing::OwnedTree<T> given =
            rule(tracing::grown(args, std::move(inside), line),
                 tracing::grown(*like, std::move(results), line),
                 tracing::grown(*like, std::move(cotangents), line));
        return tracing::contents(given, line);
      }};
  return tracing::grown(*like, tracing::run_custom(tracing::contents(args, line), custom, line),
                        line);
}

// f(args) with rule(args, tangents of args) -> tangents of the results; its transpose serves
// gradients, which refuse a rule that is not linear in the tangents. The tangent of an integer is
// that integer.
template <class F, class Rule, tracing::Tree T>
auto custom_jvp(F&& f, Rule&& rule, const T& args, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  using Result = tracing::ResultOf<F, T>;
  std::optional<Result> like;
  const tracing::CustomRule custom{
      true,
      [&](tracing::Contents inside) {
        like.emplace(tracing::call_with(f, tracing::grown(args, std::move(inside), line)));
        return tracing::contents(*like, line);
      },
      [&](tracing::Contents inside, tracing::Contents, tracing::Contents tangents) {
        const Result given = rule(tracing::grown(args, std::move(inside), line),
                                  tracing::grown(args, std::move(tangents), line));
        return tracing::contents(given, line);
      }};
  return tracing::grown(*like, tracing::run_custom(tracing::contents(args, line), custom, line),
                        line);
}

}  // namespace nodec
