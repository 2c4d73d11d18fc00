// Forward mode inside a trace: derivatives in a direction, and what is made of them. Each leaves a
// `jvp` op that holds the function's region; the differentiate stage resolves it. As for gradients,
// the function may assign variables declared outside it.
#pragma once

#include <functional>
#include <optional>
#include <tuple>
#include <utility>

#include "compiler/trace/grad.h"
#include "compiler/trace/ops.h"

namespace nodec {

namespace tracing {

struct Moved {
  Contents results, tangents;
};
Moved run_jvp(const Contents& args, const Contents& tangents, const Traced1& body,
              const SourceLine& where);

Var jacobian(const std::function<Var(Var)>& f, const Var& x, std::string_view what, Here where);

}  // namespace tracing

// f's results, and how they move as `at` moves by `direction`, which has its structure. A tuple's
// elements are separate arguments.
template <class F, tracing::Tree T, tracing::Tree D>
auto jvp(F&& f, const T& at, const D& direction, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  std::optional<tracing::ResultOf<F, T>> like;
  const auto traced = [&](tracing::Contents inside) {
    like.emplace(tracing::call_with(f, tracing::grown(at, std::move(inside), line)));
    return tracing::contents(*like, line);
  };
  tracing::Moved moved = tracing::run_jvp(tracing::contents(at, line),
                                          tracing::contents(direction, line), traced, line);
  return std::pair(tracing::grown(*like, std::move(moved.results), line),
                   tracing::grown(*like, std::move(moved.tangents), line));
}

// f at one place, to be asked for many directions. What does not depend on the direction is
// computed once.
template <class F, class T>
struct Linearized {
  F f;
  T at;
  tracing::ResultOf<F&, T> value;

  template <tracing::Tree D>
  auto operator()(const D& direction, Here where = Here::current()) {
    return jvp(f, at, direction, where).second;
  }
};

template <class F, tracing::Tree T>
auto linearize(F f, const T& at, Here where = Here::current()) {
  const SourceLine line = SourceLine::of(where);
  using Tree = tracing::OwnedTree<T>;
  Tree copy = tracing::grown(at, tracing::contents(at, line), line);
  auto value = tracing::call_with(f, tracing::grown(at, tracing::contents(at, line), line));
  return Linearized<F, Tree>{std::move(f), std::move(copy), std::move(value)};
}

template <class Gradient>
struct HessianProduct {
  Var value;
  Gradient gradient, product;
  auto parts() const { return std::tie(value, gradient, product); }
};

// A loss, its gradient, and its Hessian times `direction`: forward over reverse mode. Several
// arguments stand in std::tie(a, b). const auto [value, gradient, product] = hvp(f, x, dx);
template <tracing::Tree T, tracing::Tree D>
auto hvp(std::type_identity_t<tracing::Loss<tracing::ArgumentsOf<T>>> f, const T& at,
         const D& direction) {
  const SourceLine line = SourceLine::of(f.here());
  const auto traced = [&](tracing::Contents inside) {
    const auto args = tracing::grown(at, std::move(inside), line);
    tracing::Pulled pulled = tracing::run_gradient(f, args, false);
    tracing::Contents all = std::move(pulled.results);
    all.insert(all.end(), pulled.cotangents.begin(), pulled.cotangents.end());
    return all;
  };
  tracing::Moved moved = tracing::run_jvp(tracing::contents(at, line),
                                          tracing::contents(direction, line), traced, line);
  Var value(f.here());
  tracing::bind(value, std::move(moved.results.front()), line);
  moved.results.erase(moved.results.begin());
  moved.tangents.erase(moved.tangents.begin());
  auto gradient = tracing::grown(at, std::move(moved.results), line);
  return HessianProduct<decltype(gradient)>{std::move(value), std::move(gradient),
                                            tracing::grown(at, std::move(moved.tangents), line)};
}

// All derivatives of f's result, a float tensor, in x: of shape [result's axes..., x's axes...], by
// a loop over the fewer of both. For small ones: of x or of the result, the sizes are numbers.
template <class F>
requires std::convertible_to<std::invoke_result_t<F&, Var>, Var> Var
jacobian(F&& f, const Var& x, Here where = Here::current()) {
  return tracing::jacobian([&f](Var at) -> Var { return f(std::move(at)); }, x, "jacobian", where);
}

// The second derivatives of a float scalar, of shape [x's axes..., x's axes...].
template <class F>
requires std::convertible_to<std::invoke_result_t<F&, Var>, Var> Var
hessian(F&& f, const Var& x, Here where = Here::current()) {
  const auto gradient = [&f, where](Var at) -> Var { return grad<Var>({f, where}, at); };
  return tracing::jacobian(gradient, x, "hessian", where);
}

}  // namespace nodec
