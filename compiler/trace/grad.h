// Derivatives inside a trace: each leaves one `vjp` op that holds the function's region; the
// differentiate stage resolves it. The function may assign variables declared outside it (a layer's
// new state, a count of correct answers): they come out of the op as further results.
#pragma once

#include <functional>
#include <optional>
#include <tuple>

#include "compiler/trace/control.h"
#include "compiler/trace/solve.h"

namespace nodec {

namespace tracing {

struct Pulled {
  Contents results, cotangents;
  Value* error = nullptr;  // the estimate, where it was asked for
};
// `seed` gives the results' cotangents, in the frame around the op.
Pulled run_vjp(const Contents& args, const Traced1& body,
               const std::function<Contents(const Contents& results)>& seed,
               const SourceLine& where, bool with_error = false);
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

// The value of a loss, and its gradient in `args`.
template <class Wanted, class Args>
Pulled run_gradient(const Loss<Wanted>& f, const Args& args, bool with_error) {
  const SourceLine line = SourceLine::of(f.here());
  const auto traced = [&](Contents inside) {
    return contents(f(grown(args, std::move(inside), line)), line);
  };
  const auto seed = [&](const Contents& results) { return unit_seed(results, line); };
  return run_vjp(contents(args, line), traced, seed, line, with_error);
}

// Ends the program where an estimate is not below `limit`.
void stop_above(Value* error, const Setting& limit, const SourceLine& where);

}  // namespace tracing

// f's value, a float scalar, and its gradient with respect to `wrt`: one Var, record, or vector or
// tuple of such, or several of these, f's arguments in turn; the gradient of several is a tuple. A
// tuple that stands alone (std::tie(a, b)) means its elements. {f, where} says the line.
template <tracing::Tree... T>
auto value_and_grad(std::type_identity_t<tracing::Loss<tracing::ArgumentsOf<T...>>> f,
                    const T&... wrt) {
  const auto& args = tracing::arguments(wrt...);
  const SourceLine line = SourceLine::of(f.here());
  tracing::Pulled pulled = tracing::run_gradient(f, args, false);
  Var value(f.here());
  tracing::bind(value, std::move(pulled.results.front()), line);
  return std::pair(std::move(value), tracing::grown(args, std::move(pulled.cotangents), line));
}

template <tracing::Tree... T>
auto grad(std::type_identity_t<tracing::Loss<tracing::ArgumentsOf<T...>>> f, const T&... wrt) {
  return value_and_grad<T...>(std::move(f), wrt...).second;
}

// The largest error that a gradient may tell of itself: a number, or a run-time value of the
// program.
struct GradientErrorLimit {
  explicit GradientErrorLimit(Setting limit) : largest(std::move(limit)) {}
  Setting largest;
};

template <class Gradient>
struct ValueGradError {
  Var value;
  Gradient gradient;
  Var error;  // estimated, relative to each part of the gradient: the largest over solves and parts
  auto parts() const { return std::tie(value, gradient, error); }
};

// The same, and how far off the gradient is by what the solves in f tell of it: 0 where there are
// none. It knows nothing of a jump of the dynamics at a time that depends on the state, which has
// no part in the gradient either (find that time, as a root, and end the solve there).
//   const auto [value, gradient, error] = value_and_grad_error(f, x);
template <tracing::Tree... T>
auto value_and_grad_error(std::type_identity_t<tracing::Loss<tracing::ArgumentsOf<T...>>> f,
                          const T&... wrt) {
  const auto& args = tracing::arguments(wrt...);
  const SourceLine line = SourceLine::of(f.here());
  tracing::Pulled pulled = tracing::run_gradient(f, args, true);
  Var value(f.here());
  tracing::bind(value, std::move(pulled.results.front()), line);
  auto gradient = tracing::grown(args, std::move(pulled.cotangents), line);
  return ValueGradError<decltype(gradient)>{std::move(value), std::move(gradient),
                                            tracing::variable(pulled.error, line)};
}

// A gradient that tells a larger error ends the program. Several arguments: std::tie(a, b).
template <tracing::Tree T>
auto value_and_grad_error(std::type_identity_t<tracing::Loss<tracing::ArgumentsOf<T>>> f,
                          const T& wrt, const GradientErrorLimit& limit) {
  const SourceLine line = SourceLine::of(f.here());
  auto told = value_and_grad_error<T>(std::move(f), wrt);
  tracing::stop_above(tracing::content_of(told.error, line).value, limit.largest, line);
  return told;
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
