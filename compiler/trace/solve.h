// An ODE solve in a trace: du/dt = f(u, t) from u0 at t0 to t1, as one `solve` op that holds the
// dynamics as a region. Variables the dynamics use from outside are captured; one they assign
// becomes a box, which the type report names.
#pragma once

#include <cmath>
#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "compiler/trace/control.h"

namespace nodec {

// Which numbers a setting may be: a test, and its words.
struct SettingDomain {
  bool (*holds)(double) = [](double x) { return std::isfinite(x); };
  std::string_view words = "a finite number";
};

// A number, a run-time value of the program, or a number by name: where a Collect lives
// (compiler/trace/collect.h), an input of the program; elsewhere the number.
class Setting {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> Setting(T number)
      : value_(double(number)) {}                      // NOLINT(google-explicit-constructor)
  Setting(const Field& field) : value_(Var(field)) {}  // NOLINT(google-explicit-constructor)
  Setting(const Var& var) : value_(var) {}             // NOLINT(google-explicit-constructor)

  static Setting named(std::string name, double value) {
    Setting setting(value);
    setting.value_ = Named{std::move(name), value, {}};
    return setting;
  }

  // As a scalar of this dtype in the frame being traced; it is `what` of a solve, say.
  Value* value(Builder& b, Dtype dtype, std::string_view what, std::string_view of = "solve") const;
  bool is(double number) const;
  const double* number() const { return std::get_if<double>(&value_); }
  // As a variable of this dtype, for arithmetic.
  Var variable(Dtype dtype, std::string_view what, Here where = Here::current()) const;
  struct Named {
    std::string name;
    double value = 0;
    SettingDomain domain;  // as far as its layer knows
  };
  const Named* name() const { return std::get_if<Named>(&value_); }
  // Its type, when it is a value of the program.
  std::optional<Type> type() const;
  // That value, whatever its type.
  Value* content(Builder& b) const;

 private:
  std::variant<double, Var, Named> value_;
};

// Times: numbers and scalars of the program, {1, t, 3.5}, or one vector of it. None by default.
class Times {
 public:
  Times() = default;
  Times(std::initializer_list<Setting> times) : times_(times) {}
  template <class T>
  requires std::is_convertible_v<const T&, Setting> Times(const std::vector<T>& times)
      : times_(times.begin(), times.end()) {}              // NOLINT(google-explicit-constructor)
  Times(const Var& vector) : times_{Setting(vector)} {}    // NOLINT(google-explicit-constructor)
  Times(const Field& vector) : times_{Setting(vector)} {}  // NOLINT(google-explicit-constructor)

  bool empty() const { return times_.empty(); }
  const std::vector<Setting>& all() const { return times_; }
  // As a vector of this dtype in the frame being traced.
  Value* value(Builder& b, Dtype dtype, std::string_view what) const;

 private:
  std::vector<Setting> times_;
};

struct SolveOptions {
  std::string method = "tsit5";
  std::string controller = "pi";             // of the step size: "i" or "pi"
  std::string adjoint = "discrete";          // the rule of its derivative
  std::string adjoint_tolerance = "scaled";  // or "peer"
  std::string adjoint_norm = "all";          // or "states": leaves the parameters' integrals out
  std::string tangent = "steps";             // forward mode: of the steps taken; or "norm", as a
                                             // state of its own that steps are chosen for too
  Setting rtol = 1e-3, atol = 1e-6;
  // Lengths of steps are constants to a derivative, but for those that end at t1 or at a stop: none
  // goes to these four.
  Setting dt = 0;      // the first step (0: chosen), or every step of a fixed-step method
  Setting dt_max = 0;  // the longest step (0: any), of a method that chooses its steps
  Setting max_steps = 10000;
  // Times that steps end at, in the direction of the solve: where the dynamics jump (a dose, the
  // edge of a pulse). They are evaluated anew behind each. Those outside of t0 ... t1 are none.
  // The dynamics see each side of a stop by a comparison of t with that very value: a piece that is
  // found by arithmetic, floor(t / dt), is rounded and may be the other side's. Of equal stops the
  // first has the whole derivative.
  Times stops = {};
  // `discrete` reads stage values from the tape; or recomputes them: less memory, the same bits.
  bool keep_stages = true;
  // A failed solve stops the program with its status; one that a gradient goes back through,
  // always.
  bool stop_on_failure = true;
};

// Whether what is being traced here is, however deep, a part of a solve's dynamics.
bool inside_solve();

template <class U>
struct Solution {
  U u;                              // at t
  Var status;                       // i32: 0, or why it stopped (ir/status.def)
  Var t, dt;                        // where it ended, and its last step
  Var accepted, rejected, f_evals;  // i32
  auto parts() const { return std::tie(u, status, t, dt, accepted, rejected, f_evals); }
};

namespace tracing {

using TracedDynamics = std::function<Contents(Contents u, Content t)>;
struct Solved {
  Contents u;
  std::vector<Value*> rest;  // status, t, dt, accepted, rejected, f_evals
};
Solved run_solve(const Contents& u0, const Setting& t0, const Setting& t1,
                 const SolveOptions& options, const TracedDynamics& dynamics,
                 const SourceLine& where);
Var variable(Value* value, const SourceLine& where);

}  // namespace tracing

// `f` takes the state, and the time if it wants it; a tuple's elements come as separate arguments
// in front of the time. It returns the derivative, of the state's own types.
template <class F, tracing::Tree U>
Solution<tracing::OwnedTree<U>> solve(F&& f, const U& u0, const Setting& t0, const Setting& t1,
                                      const SolveOptions& options = {},
                                      Here where = Here::current()) {
  using Owned = tracing::OwnedTree<U>;
  const SourceLine line = SourceLine::of(where);
  const auto dynamics = [&](tracing::Contents u, tracing::Content t) {
    const auto derivative = [&](auto&&... state) -> Owned {
      if constexpr (std::invocable<F&, decltype(state)..., Var>) {
        Var time(where);
        tracing::bind(time, std::move(t), line);
        return f(std::move(state)..., std::move(time));
      } else {
        return f(std::move(state)...);
      }
    };
    const Owned du = tracing::call_with(derivative, tracing::grown(u0, std::move(u), line));
    return tracing::contents(du, line);
  };
  tracing::Solved solved =
      tracing::run_solve(tracing::contents(u0, line), t0, t1, options, dynamics, line);
  const auto rest = [&](std::size_t i) { return tracing::variable(solved.rest.at(i), line); };
  return {tracing::grown(u0, std::move(solved.u), line),
          rest(0),
          rest(1),
          rest(2),
          rest(3),
          rest(4),
          rest(5)};
}

}  // namespace nodec
