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

// One tree as it stands; several as a tuple of references to them.
template <class T>
const T& arguments(const T& only) {
  return only;
}
template <class... T>
std::tuple<const T&...> arguments(const T&... several) {
  return {several...};
}
template <class... T>
using ArgumentsOf = std::remove_cvref_t<decltype(arguments(std::declval<const T&>()...))>;

// What a derivative is of, and where it is asked for. Any callable that takes these arguments
// becomes one by itself, in which its caller's line is kept; it must outlive the call.
template <class Args>
class Loss {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Loss> &&
           std::convertible_to<ResultOf<F&, Args>, Var>) Loss(F&& f, Here where = Here::current())
      : call_([&f](OwnedTree<Args> args) -> Var { return call_with(f, std::move(args)); }),
        here_(where) {}

  Var operator()(OwnedTree<Args> args) const { return call_(std::move(args)); }
  Here here() const { return here_; }

 private:
  std::function<Var(OwnedTree<Args>)> call_;
  Here here_;
};

}  // namespace tracing

// f's value, a float scalar, and its gradient with respect to `wrt`: one Var, record, or vector or
// tuple of such, or several of these, f's arguments in turn; the gradient of several is a tuple. A
// tuple that stands alone (std::tie(a, b)) means its elements. {f, where} says the line.
template <tracing::Tree... T>
auto value_and_grad(std::type_identity_t<tracing::Loss<tracing::ArgumentsOf<T...>>> f,
                    const T&... wrt) {
  const auto& args = tracing::arguments(wrt...);
  const SourceLine line = SourceLine::of(f.here());
  const auto traced = [&](tracing::Contents inside) {
    return tracing::contents(f(tracing::grown(args, std::move(inside), line)), line);
  };
  const auto seed = [&](const tracing::Contents& results) {
    return tracing::unit_seed(results, line);
  };
  tracing::Pulled pulled = tracing::run_vjp(tracing::contents(args, line), traced, seed, line);
  Var value(f.here());
  tracing::bind(value, std::move(pulled.results.front()), line);
  return std::pair(std::move(value), tracing::grown(args, std::move(pulled.cotangents), line));
}

template <tracing::Tree... T>
auto grad(std::type_identity_t<tracing::Loss<tracing::ArgumentsOf<T...>>> f, const T&... wrt) {
  return value_and_grad<T...>(std::move(f), wrt...).second;
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
