// Whether the error that a discrete gradient tells of itself can be relied on: thirteen problems,
// with gradients known from closed forms or from sensitivities integrated in quad precision.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/passes/contract.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/simplify.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/solve/gradients.h"

namespace nodec::testing {
namespace {

// Tight tolerances take minutes where the interpreter is sanitized.
#ifdef NODEC_SANITIZED
constexpr double kTightest = 1e-4;
#else
constexpr double kTightest = 0;
#endif

// A problem with its loss's gradient, and the largest rms of lambda between t0 and t1, in which the
// error of the states' part is measured.
struct Known {
  const char* name;
  Problem p;
  Loss loss;
  std::vector<double> du0, dp;
  double largest;
};

// Element i of the parameters.
Value* at(Builder& b, const Values& p, std::int64_t i) {
  return reshape(b, slice(b, p[0], 0, i, 1), {});
}

Value* number(Builder& b, double x) { return scalar(b, Dtype::F64, x); }

Value* sum_of_states(Builder& b, const Values& u) {
  Value* total = u[0];
  for (std::size_t i = 1; i < u.size(); ++i) total = add(b, total, u[i]);
  return total;
}

Value* first_state(Builder&, const Values& u) { return u[0]; }

std::vector<Array> scalars(const std::vector<double>& xs) {
  std::vector<Array> arrays;
  for (double x : xs) arrays.push_back(Array::scalar(Dtype::F64, x));
  return arrays;
}

Problem from(Slopes f, const std::vector<double>& u0, std::vector<double> p, double t1) {
  const std::int64_t count = std::int64_t(p.size());
  return {.f = std::move(f),
          .u0 = scalars(u0),
          .captures = {Array::of({count}, std::move(p))},
          .t1 = t1,
          .max_steps = 1000000};
}

Known predators() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value* met = mul(b, u[0], u[1]);
    Value *born = mul(b, at(b, p, 0), u[0]), *eaten = mul(b, at(b, p, 1), met);
    Value *fed = mul(b, at(b, p, 3), met), *died = mul(b, at(b, p, 2), u[1]);
    return {sub(b, born, eaten), sub(b, fed, died)};
  };
  const Loss loss = [](Builder& b, const Values& u) {
    Value* one = number(b, 1);
    return half_square(b, {sub(b, u[0], one), sub(b, u[1], one)});
  };
  return {"Lotka-Volterra",
          from(f, {1, 1}, {1.5, 1, 3, 1}, 10),
          loss,
          {0.2995995083036823, -0.014151816344853505},
          {0.62196158555128087, 0.068001404150874335, 0.16917646399589281, 0.2725606939500075},
          0.33322};
}

Known van_der_pol(double mu, std::vector<double> du0, double dmu, double largest) {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value* damping = mul(b, at(b, p, 0), sub(b, number(b, 1), mul(b, u[0], u[0])));
    return {u[1], sub(b, mul(b, damping, u[1]), u[0])};
  };
  return {"Van der Pol", from(f, {2, 0}, {mu}, 20), sum_of_states, std::move(du0), {dmu}, largest};
}

Known lorenz() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value* turned = mul(b, u[0], sub(b, at(b, p, 1), u[2]));
    Value* cooled = mul(b, at(b, p, 2), u[2]);
    return {mul(b, at(b, p, 0), sub(b, u[1], u[0])), sub(b, turned, u[1]),
            sub(b, mul(b, u[0], u[1]), cooled)};
  };
  return {"Lorenz",
          from(f, {1, 0, 0}, {10, 28, 8.0 / 3}, 1),
          first_state,
          {0.26361989489084366, 0.2056683538430001, -0.28013481384931172},
          {-0.059964713298692141, 0.23383729165769103, -3.88785536485069},
          std::sqrt(1.0 / 3)};
}

// u' = p u from 1.
Known growth() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    return {mul(b, at(b, p, 0), u[0])};
  };
  const double end = std::exp(20.0);
  return {"growth", from(f, {1}, {1}, 20), first_state, {end}, {20 * end}, end};
}

// u' = p - u: from its equilibrium 1 steps grow tenfold, far beyond what the method is stable for.
Known relaxation(double start) {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    return {sub(b, at(b, p, 0), u[0])};
  };
  const double left = std::exp(-100.0);
  return {start == 1 ? "equilibrium" : "relaxation",
          from(f, {start}, {1}, 100),
          first_state,
          {left},
          {1 - left},
          1};
}

// u' = -1000 (u - p cos t): stability and not accuracy limits its steps.
Known stiff() {
  const Slopes f = [](Builder& b, Value* t, const Values& u, const Values& p) -> Values {
    Value* away = sub(b, u[0], mul(b, at(b, p, 0), cos(b, t)));
    return {mul(b, number(b, -1000), away)};
  };
  const double l = 1000, T = 2.5;
  const double dp = l * (l * std::cos(T) + std::sin(T)) / (l * l + 1);
  return {"stiff", from(f, {1}, {1}, T), first_state, {0}, {dp}, 1};
}

// u'' = -p u.
Known oscillator() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    return {u[1], neg(b, mul(b, at(b, p, 0), u[0]))};
  };
  const double T = 20;
  return {"oscillator",           from(f, {1, 0}, {1}, T), first_state, {std::cos(T), std::sin(T)},
          {-T * std::sin(T) / 2}, std::sqrt(0.5)};
}

// u' = -u / 100 + p cos^2(20 t): a forcing that the state hardly sees where p is small.
Known forced(double strength) {
  const Slopes f = [](Builder& b, Value* t, const Values& u, const Values& p) -> Values {
    Value* wave = cos(b, mul(b, number(b, 20), t));
    Value* push = mul(b, at(b, p, 0), mul(b, wave, wave));
    return {fma(b, number(b, -0.01), u[0], push)};
  };
  const double a = 0.01, w = 40, T = 10, left = std::exp(-a * T);
  const double waves = (a * std::cos(w * T) + w * std::sin(w * T) - a * left) / (a * a + w * w);
  const double dp = ((1 - left) / a + waves) / 2;
  return {"forced", from(f, {1}, {strength}, T), first_state, {left}, {dp}, 1};
}

Known robertson() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value *made = mul(b, at(b, p, 0), u[0]), *back = mul(b, at(b, p, 1), mul(b, u[1], u[2]));
    Value* lost = mul(b, at(b, p, 2), mul(b, u[1], u[1]));
    return {sub(b, back, made), sub(b, sub(b, made, back), lost), lost};
  };
  return {"Robertson",
          from(f, {1, 0, 0}, {0.04, 1e4, 3e7}, 4),
          first_state,
          {0.92033213946042901, 0.54389572649486444, 0.54393423071150988},
          {-1.8760821737666476, 2.9613771291453753e-06, -4.9334368050928827e-10},
          0.69251};
}

std::vector<Known> problems() {
  return {predators(),
          van_der_pol(1, {2.6059488749677899, 0.96087171967617906}, 4.1713134474277387, 2.0336),
          van_der_pol(5, {-1.855814385621058, -0.1242792598328282}, -0.68965481677884377, 1.34),
          van_der_pol(10, {1.1149292312204913, 0.037205755592441404}, 0.12726802258261236, 1),
          lorenz(),
          growth(),
          relaxation(0.5),
          relaxation(1),
          stiff(),
          oscillator(),
          forced(1e-3),
          forced(1),
          robertson()};
}

double rms_of(const std::vector<double>& xs, const std::vector<double>& from = {}) {
  double total = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const double x = xs[i] - (from.empty() ? 0 : from[i]);
    total += x * x;
  }
  return std::sqrt(total / double(xs.size()));
}

// Relative to rms(dp), and for the states to the largest rms(lambda): of the sweep that ran, since
// an unstable one makes lambda as large as its error.
double true_error(const Known& known, const Gradient& g) {
  const double largest = std::max(known.largest, rms_of(g.states));
  const double states = rms_of(g.states, known.du0) / largest;
  const double captures = rms_of(g.captures, known.dp) / rms_of(g.captures);
  return states >= captures ? states : captures;
}

std::vector<Array> with_atol(const Graph& graph, std::vector<Array> args, double atol) {
  for (const auto& arg : graph.body.args) {
    if (arg->name == "atol") args[std::size_t(arg->index)] = Array::scalar(Dtype::F64, atol);
  }
  return args;
}

// At Problem::tolerance as rtol; without an error where the solve itself fails.
Gradient told(const Known& known, double atol) {
  const auto graph = gradient_graph(known.p, known.loss, {.time = false, .error = true});
  Gradient g;
  try {
    std::vector<Array> out = interpret(*graph, with_atol(*graph, arguments(known.p), atol));
    g.error = out.back().real();
    out.pop_back();
    for (std::size_t i = 1; i < out.size(); ++i) {
      auto& list = i < 1 + known.p.u0.size() ? g.states : g.captures;
      list.insert(list.end(), out[i].reals.begin(), out[i].reals.end());
    }
  } catch (const Error&) {
  }
  return g;
}

// Steps at the limit of stability amplify lambda by 1e10 there; that dp is right all the same is
// the luck of a linear problem, as its next tolerances show. Nothing local can tell.
bool is_lucky(const Known& known, double rtol, double atol) {
  return known.name == std::string("stiff") && rtol == 1e-5 && atol == 1e-5;
}

}  // namespace

TEST_SUITE_BEGIN("slow");

TEST_CASE("what a discrete gradient tells of its error is neither blind nor a false alarm") {
  const std::pair<double, double> tolerances[] = {{1e-3, 1e-3}, {1e-4, 1e-4}, {1e-5, 1e-5},
                                                  {1e-6, 1e-6}, {1e-7, 1e-7}, {1e-8, 1e-8},
                                                  {1e-3, 1e-6}, {1e-4, 1e-7}, {1e-5, 1e-8}};
  int solved = 0;
  for (Known known : problems()) {
    for (const auto& [rtol, atol] : tolerances) {
      if (atol < kTightest) continue;
      known.p.tolerance = rtol;
      const Gradient g = told(known, atol);
      if (g.states.empty() || is_lucky(known, rtol, atol)) continue;
      const double error = true_error(known, g);
      CAPTURE(known.name);
      CAPTURE(rtol);
      CAPTURE(atol);
      CAPTURE(error);
      CAPTURE(g.error);
      CHECK_FALSE((g.error < 1e-3 && !(error <= 1e-2)));
      CHECK_FALSE((g.error > 0.1 && error < 1e-3));
      ++solved;
    }
  }
  CHECK(solved > (kTightest > 0 ? 20 : 110));  // of 26, or 117
}

TEST_CASE("the error told shrinks with the tolerance and stays above a fifth of the true one") {
  for (Known known : {predators(), lorenz(), growth(), relaxation(0.5), oscillator(), forced(1)}) {
    CAPTURE(known.name);
    double before = INFINITY;
    for (double tolerance : {1e-4, 1e-6, 1e-8}) {
      known.p.tolerance = tolerance;
      const Gradient g = told(known, tolerance);
      CHECK(g.error < before);
      CHECK(g.error > 0.2 * true_error(known, g));
      before = g.error;
    }
    CHECK(before < 1e-4);
  }
}

#ifdef NODEC_CPU_JIT
namespace {

// The same in machine code, compiled once for all tolerances.
class Compiled {
 public:
  explicit Compiled(const Known& known)
      : known_(known),
        graph_(gradient_graph(known.p, known.loss, {.time = false, .error = true})),
        program_(oracle::compile_fresh(*graph_)) {}

  Gradient told(double tolerance) const {
    Known known = known_;
    known.p.tolerance = tolerance;
    Gradient g;
    try {
      const auto out =
          oracle::run_compiled(program_, with_atol(*graph_, arguments(known.p), tolerance), 1);
      g.error = oracle::value_at(out.back(), 0);
      for (std::size_t i = 1; i + 1 < out.size(); ++i) {
        auto& list = i < 1 + known.p.u0.size() ? g.states : g.captures;
        for (std::int64_t k = 0; k < out[i].count(); ++k) {
          list.push_back(oracle::value_at(out[i], std::size_t(k)));
        }
      }
    } catch (const Error&) {
    }
    return g;
  }

 private:
  const Known& known_;
  std::unique_ptr<Graph> graph_;
  Program program_;
};

}  // namespace

TEST_CASE(
    "no rule is blind to its error or gives a false alarm, and at 1e-8 each is right or says") {
  int solved = 0;
  for (Known known : problems()) {
    for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
      known.p.adjoint = adjoint;
      const Compiled compiled(known);
      for (const double tolerance : {1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8}) {
        const Gradient g = compiled.told(tolerance);
        const bool lucky = known.p.adjoint == "discrete" && is_lucky(known, tolerance, tolerance);
        if (g.states.empty() || lucky) continue;
        const double error = true_error(known, g);
        CAPTURE(std::string(known.name));
        CAPTURE(std::string(adjoint));
        CAPTURE(tolerance);
        CAPTURE(error);
        CAPTURE(g.error);
        CHECK_FALSE((g.error < 1e-3 && !(error <= 1e-2)));
        CHECK_FALSE((g.error > 0.1 && error < 1e-3));
        if (tolerance == 1e-8) CHECK((error <= 1e-5 || g.error >= error));
        ++solved;
      }
    }
  }
  CHECK(solved > 220);  // of 234
}
#endif

TEST_CASE("recomputed stages tell the error of kept ones") {
  for (Known known : {predators(), stiff()}) {
    const Gradient kept = gradient(known.p, known.loss, {.time = true, .error = true});
    known.p.more.set("keep", false);
    const Gradient again = gradient(known.p, known.loss, {.time = true, .error = true});
    CHECK(kept.error > 0);
    CHECK(again.error == kept.error);
  }
}

TEST_CASE("asking for the error changes no bit of the gradient") {
  const Known known = predators();
  const Gradient alone = gradient(known.p, known.loss);
  const Gradient asked = gradient(known.p, known.loss, {.time = true, .error = true});
  CHECK(asked.time == alone.time);
  CHECK(asked.states == alone.states);
  CHECK(asked.captures == alone.captures);
}

TEST_CASE("an integral's part of the error is told") {
  // u' = 1, q' = p cos(20 t): the states are exact, and all of dp is quadrature.
  Problem p = from(
      [](Builder& b, Value* t, const Values&, const Values& c) -> Values {
        return {number(b, 1), mul(b, at(b, c, 0), cos(b, mul(b, number(b, 20), t)))};
      },
      {0}, {1}, 1);
  p.quadratures = 1;
  p.dt0 = 0.3;
  const Loss loss = [](Builder&, const Values& ends) { return ends[1]; };
  const Gradient g = gradient(p, loss, {.time = false, .error = true});
  const double error = std::abs(g.captures[0] - std::sin(20.0) / 20) / std::abs(g.captures[0]);
  CHECK(error > 1e-3);
  CHECK(g.error > error / 10);
  CHECK(g.error < error * 100);
}

TEST_CASE("the ends' part of the error is told where their cotangents are asked for") {
  Known known = oscillator();
  known.p.tolerance = 1e-4;
  const Gradient without = gradient(known.p, known.loss, {.time = false, .error = true});
  const Gradient with = gradient(known.p, known.loss, {.time = true, .error = true});
  const double rate = -std::sin(20.0);  // of u at t1
  const double error = std::abs(with.time[1] - rate) / std::abs(rate);
  CHECK(with.error >= without.error);
  CHECK(with.error > error / 10);
}

TEST_CASE("cotangents too small to be squared tell the error of large ones") {
  const Known known = predators();
  const auto scaled_by = [&](double factor) {
    const Loss loss = [&](Builder& b, const Values& u) {
      return mul(b, number(b, factor), known.loss(b, u));
    };
    return gradient(known.p, loss, {.time = false, .error = true}).error;
  };
  CHECK(scaled_by(1e-200) == doctest::Approx(scaled_by(1)));
  CHECK(scaled_by(1e200) == doctest::Approx(scaled_by(1)));
  CHECK(scaled_by(0) == 0);
}

TEST_CASE("a solve that takes no steps tells an error of zero") {
  Known known = oscillator();
  known.p.t1 = 0;
  CHECK(gradient(known.p, known.loss, {.time = true, .error = true}).error == 0);
}

TEST_CASE("a method without embedded weights is refused in words") {
  Problem p = predators().p;
  p.method = "rk4", p.dt0 = 0.1;
  CHECK_THROWS_WITH_AS(gradient(p, predators().loss, {.time = true, .error = true}),
                       doctest::Contains("it has no embedded weights"), Error);
}

// Whether the gradient is refused, at Problem::tolerance.
bool refused(const Known& known) {
  try {
    gradient(known.p, known.loss, {.time = false});
    return false;
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("not to be relied on") != std::string::npos);
    return true;
  }
}

TEST_CASE("a gradient by steps that amplify it ends the program") {
  Known at_limit = stiff(), near_rest = relaxation(1 + 1e-9);
  at_limit.p.t1 = 10;
  at_limit.p.controller = "i";
  near_rest.p.tolerance = 1e-8;
  CHECK(refused(relaxation(1)));
  CHECK(refused(near_rest));
  for (const char* controller : {"i", "pi"}) {
    at_limit.p.controller = controller;
    at_limit.p.tolerance = 1e-3;
    CHECK(refused(at_limit));
  }
  Known far = relaxation(1);
  far.p.more.set("keep", false);
  CHECK(refused(far));
}

TEST_CASE("a gradient by resolved steps is not refused") {
  for (Known known : {predators(), van_der_pol(5, {}, 0, 1), lorenz(), growth(), relaxation(0.5),
                      oscillator(), forced(1), stiff()}) {
    CAPTURE(known.name);
    for (double tolerance : {1e-6, 1e-8}) {
      CAPTURE(tolerance);
      known.p.tolerance = tolerance;
      CHECK_FALSE(refused(known));
    }
  }
  for (double start : {0.0, 0.9, 10.0}) {
    for (double tolerance : {1e-3, 1e-5, 1e-7}) {
      Known known = relaxation(start);
      CAPTURE(start);
      CAPTURE(tolerance);
      known.p.tolerance = tolerance;
      CHECK_FALSE(refused(known));
    }
  }
}

TEST_CASE("fixed steps are a map of their own, which is not watched") {
  Known known = relaxation(1);
  known.p.method = "rk4", known.p.dt0 = 10;
  CHECK_FALSE(refused(known));
}

TEST_CASE("the growth of what is too small to be squared is not watched, nor is a zero cotangent") {
  for (double factor : {0.0, 1e-300}) {
    Known known = relaxation(1);
    known.p.t1 = 20;
    const Loss first = known.loss;
    known.loss = [=](Builder& b, const Values& u) {
      return mul(b, number(b, factor), first(b, u));
    };
    CHECK_FALSE(refused(known));
  }
}

TEST_SUITE_END();

}  // namespace nodec::testing
