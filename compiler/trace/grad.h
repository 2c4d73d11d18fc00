// Derivatives inside a trace: each leaves one `vjp` op that holds the function's region; the
// differentiate stage resolves it. The function may assign variables declared outside it (a layer's
// new state, a count of correct answers): they come out of the op as further results.
#pragma once

#include <functional>
#include <optional>

#include "compiler/trace/control.h"

namespace nodec {

namespace tracing {

struct Pulled {
  Contents results, cotangents;
};
// `seed` gives the results' cotangents, in the frame around the op.
Pulled run_vjp(const Contents& args, const Traced1& body,
               const std::function<Contents(const Contents& results)>& seed,
               const SourceLine& where);
Contents unit_seed(const Contents& results, const SourceLine& where);  // a scalar loss: 1

}  // namespace tracing

// f's value, a float scalar, and its gradient with respect to `wrt`: a Var, a record, or a vector
// or tuple of such (std::tie(a, b); its elements are f's separate arguments).
template <class F, tracing::Tree T>
std::pair<Var, tracing::OwnedTree<T>> value_and_grad(F&& f, const T& wrt,
                                                     Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  const auto traced = [&](tracing::Contents inside) {
    const Var value = tracing::call_with(f, tracing::grown(wrt, std::move(inside), line));
    return tracing::contents(value, line);
  };
  const auto seed = [&](const tracing::Contents& results) {
    return tracing::unit_seed(results, line);
  };
  tracing::Pulled pulled = tracing::run_vjp(tracing::contents(wrt, line), traced, seed, line);
  Var value(where);
  tracing::bind(value, std::move(pulled.results.front()), line);
  return {std::move(value), tracing::grown(wrt, std::move(pulled.cotangents), line)};
}

template <class F, tracing::Tree T>
tracing::OwnedTree<T> grad(F&& f, const T& wrt, Here where = Here::current()) {
  return value_and_grad(f, wrt, where).second;
}

// f's results, and the cotangents of `primals` for the given cotangents of the results.
template <class F, tracing::Tree T, tracing::Tree C>
auto vjp(F&& f, const T& primals, const C& cotangents, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  std::optional<tracing::ResultOf<F, T>> like;
  const auto traced = [&](tracing::Contents inside) {
    like.emplace(tracing::call_with(f, tracing::grown(primals, std::move(inside), line)));
    return tracing::contents(*like, line);
  };
  const auto seed = [&](const tracing::Contents&) { return tracing::contents(cotangents, line); };
  tracing::Pulled pulled = tracing::run_vjp(tracing::contents(primals, line), traced, seed, line);
  return std::pair(tracing::grown(*like, std::move(pulled.results), line),
                   tracing::grown(primals, std::move(pulled.cotangents), line));
}

}  // namespace nodec
