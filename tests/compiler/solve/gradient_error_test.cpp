// Whether the error that a gradient tells of itself can be relied on, by problems whose gradients
// are known.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/compiler/oracle.h"
#include "tests/compiler/solve/known_gradients.h"

namespace nodec::testing {
namespace {

// Tight tolerances take minutes where the interpreter is sanitized.
#ifdef NODEC_SANITIZED
constexpr double kTightest = 1e-4;
#else
constexpr double kTightest = 0;
#endif

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
  for (Known known : known_gradients()) {
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
  for (Known known : known_gradients()) {
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

TEST_SUITE_END();

}  // namespace nodec::testing
