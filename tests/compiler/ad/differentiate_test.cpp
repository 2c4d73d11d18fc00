// The differentiate stage: vjp ops resolved, in regions and in one another.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/ad/differentiate.h"
#include "ir/error.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

std::unique_ptr<Graph> differentiated(const std::string& text) {
  std::unique_ptr<Graph> graph = program(text);
  differentiate(*graph);
  verify(*graph, "differentiate");
  CHECK(print(*graph).find("vjp") == std::string::npos);
  return graph;
}

// d f(args)[0] / d args[wrt] by central differences; f's result 0 is a scalar.
std::vector<double> slopes(const Graph& f, std::vector<Array> args, std::size_t wrt,
                           double h = 1e-6) {
  std::vector<double> all;
  for (double& moved : args[wrt].reals) {
    const double middle = moved;
    moved = middle + h;
    const double above = interpreted(f.body, args)[0].real();
    moved = middle - h;
    all.push_back((above - interpreted(f.body, args)[0].real()) / (2 * h));
    moved = middle;
  }
  return all;
}

void check_slopes(const Array& gradient, const std::vector<double>& expected,
                  double within = 1e-7) {
  REQUIRE(gradient.reals.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::fabs(gradient.reals[i] - expected[i]) <
          within * std::max(1.0, std::fabs(expected[i])));
  }
}

// A two-layer tanh network's mean squared output.
const std::string network_region = R"((%w1: f64[4, 3], %b1: f64[4], %w2: f64[2, 4], %x: f64[3, B]) {
  %bias = broadcast %b1 {dims = [0], shape = <4, B>}
  %a = matmul %w1, %x, %bias {ta = false, tb = false}
  %h = tanh %a
  %y = matmul %w2, %h {ta = false, tb = false}
  %s = mul %y, %y
  %loss = mean %s {axes = [0, 1]}
  yield %loss
})";
const std::string network_args = "%w1: f64[4, 3], %b1: f64[4], %w2: f64[2, 4], %x: f64[3, B]";
const std::string network = "graph network batch B " + network_region;

TEST_CASE("a network's gradients in every parameter agree with finite differences") {
  const auto graph = differentiated("graph g batch B (" + network_args + R"() {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %loss, %dw1, %db1, %dw2 = vjp %w1, %b1, %w2, %x, %one {seeds = [0], wrt = [0, 1, 2]} region )" +
                                    network_region + R"(
  yield %loss, %dw1, %db1, %dw2
})");
  const auto f = program(network);
  const std::vector<Array> args = draw_arguments(f->body, 3);
  const std::vector<Array> out = interpreted(graph->body, args);
  CHECK(out[0].real() == doctest::Approx(interpreted(f->body, args)[0].real()));
  for (std::size_t p = 0; p < 3; ++p) check_slopes(out[p + 1], slopes(*f, args, p));
}

// <gradient of the loss in w1, v>: its gradient in w1 is a Hessian-vector product.
const std::string directional_region = "(" + network_args + R"(, %v: f64[4, 3]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %loss, %dw1 = vjp %w1, %b1, %w2, %x, %one {seeds = [0], wrt = [0]} region )" +
                                       network_region + R"(
  %p = mul %dw1, %v
  %d = sum %p {axes = [0, 1]}
  yield %d
})";

TEST_CASE("a vjp of a region that holds a vjp is a Hessian-vector product") {
  const auto graph = differentiated("graph g batch B (" + network_args + R"(, %v: f64[4, 3]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %d, %hv, %cross = vjp %w1, %b1, %w2, %x, %v, %one {seeds = [0], wrt = [0, 2]} region )" +
                                    directional_region + R"(
  yield %hv, %cross
})");
  const auto directional = differentiated("graph d batch B " + directional_region);
  const std::vector<Array> args = draw_arguments(graph->body, 5);
  const std::vector<Array> out = interpreted(graph->body, args);
  check_slopes(out[0], slopes(*directional, args, 0));
  check_slopes(out[1], slopes(*directional, args, 2));
}

TEST_CASE("a gradient taken inside a call's body is resolved there, and differentiated with it") {
  const std::string called = R"((%x: f64[3]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %slope = call %x, %one {name = "slope"} region (%u: f64[3], %seed: f64[]) {
    %s, %du = vjp %u, %seed {seeds = [0], wrt = [0]} region (%v: f64[3]) {
      %e = exp %v
      %p = mul %e, %v
      %t = sum %p {axes = [0]}
      yield %t
    }
    %sq = mul %du, %du
    yield %sq
  }
  %f = sum %slope {axes = [0]}
  yield %f
})";
  const auto f = differentiated("graph f " + called);
  const auto graph = differentiated(R"(graph g (%x: f64[3]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %f, %dx = vjp %x, %one {seeds = [0], wrt = [0]} region )" +
                                    called + R"(
  yield %f, %dx
})");
  const std::vector<Array> args = draw_arguments(f->body, 2);
  check_slopes(interpreted(graph->body, args)[1], slopes(*f, args, 0));
}

// A solve whose dynamics are the gradient flow du/dt = -k dE/du of E = sum(exp(u) u), by a
// fixed-step method, so that finite differences see no change of step size.
const std::string flow = R"((%u0: f64[3], %k: f64[]) {
  %t0 = constant {dtype = f64, shape = <>, value = 0.0}
  %t1 = constant {dtype = f64, shape = <>, value = 0.5}
  %tol = constant {dtype = f64, shape = <>, value = 0.001}
  %h = constant {dtype = f64, shape = <>, value = 0.1}
  %n = constant {dtype = i32, shape = <>, value = 100}
  %u1, %status, %t, %dt, %acc, %rej, %evals = solve %t0, %t1, %tol, %tol, %h, %n, %u0, %k {adjoint = "discrete", method = "rk4", states = 1} region (%s: f64[], %u: f64[3], %k: f64[]) {
    %one = constant {dtype = f64, shape = <>, value = 1.0}
    %energy, %slope = vjp %u, %one {seeds = [0], wrt = [0]} region (%v: f64[3]) {
      %e = exp %v
      %p = mul %e, %v
      %sum = sum %p {axes = [0]}
      yield %sum
    }
    %wide = broadcast %k {dims = [], shape = <3>}
    %rate = mul %slope, %wide
    %du = neg %rate
    yield %du
  }
  %sq = mul %u1, %u1
  %l = sum %sq {axes = [0]}
  yield %l
})";

TEST_CASE("a gradient inside a solve's dynamics is differentiated by the solve's adjoint") {
  const auto f = differentiated("graph f " + flow);
  const auto graph = differentiated(R"(graph g (%u0: f64[3], %k: f64[]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %l, %du, %dk = vjp %u0, %k, %one {seeds = [0], wrt = [0, 1]} region )" +
                                    flow + R"(
  yield %l, %du, %dk
})");
  const std::vector<Array> args = draw_arguments(f->body, 2, {0.2, 1});
  const std::vector<Array> out = interpreted(graph->body, args);
  check_slopes(out[1], slopes(*f, args, 0));
  check_slopes(out[2], slopes(*f, args, 1));
}

TEST_CASE("both branches of a cond are differentiated") {
  const std::string branches = R"((%x: f64[3], %level: f64[]) {
  %zero = constant {dtype = f64, shape = <>, value = 0.0}
  %high = gt %level, %zero
  %y = cond %high, %x, %level region (%u: f64[3], %l: f64[]) {
    %a = sin %u
    yield %a
  } region (%u: f64[3], %l: f64[]) {
    %wide = broadcast %l {dims = [], shape = <3>}
    %a = mul %u, %wide
    yield %a
  }
  %f = sum %y {axes = [0]}
  yield %f
})";
  const auto f = program("graph f " + branches);
  const auto graph = differentiated(R"(graph g (%x: f64[3], %level: f64[]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %f, %dx, %dl = vjp %x, %level, %one {seeds = [0], wrt = [0, 1]} region )" +
                                    branches + R"(
  yield %f, %dx, %dl
})");
  for (double level : {-1.5, 1.5}) {
    std::vector<Array> args = draw_arguments(f->body, 4);
    args[1].reals[0] = level;
    const std::vector<Array> out = interpreted(graph->body, args);
    check_slopes(out[1], slopes(*f, args, 0));
    check_slopes(out[2], slopes(*f, args, 1));
  }
}

TEST_CASE("an unseeded result and an unused argument get no work and a zero") {
  const auto graph = differentiated(R"(graph g (%x: f64[3], %y: f64[3]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %f, %aux, %dx, %dy = vjp %x, %y, %one {seeds = [0], wrt = [0, 1]} region (%u: f64[3], %v: f64[3]) {
    %s = sum %u {axes = [0]}
    %e = exp %v
    yield %s, %e
  }
  yield %dx, %dy
})");
  const std::vector<Array> out = interpreted(graph->body, draw_arguments(graph->body, 1));
  CHECK(out[0].reals == std::vector<double>(3, 1.0));
  CHECK(out[1].reals == std::vector<double>(3, 0.0));
  CHECK(print(*graph).find("mul") == std::string::npos);
}

std::string error_of(const std::string& text) {
  const std::unique_ptr<Graph> graph = program(text);
  try {
    differentiate(*graph);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("a while off the path is no obstacle") {
  const auto graph = differentiated(R"(graph g (%x: f64[], %n: f64[]) {
  %one = constant {dtype = f64, shape = <>, value = 1.0}
  %f, %dx = vjp %x, %n, %one {seeds = [0], wrt = [0]} region (%u: f64[], %m: f64[]) {
    %r = while %m {carried = 1} region (%v: f64[]) {
      %limit = constant {dtype = f64, shape = <>, value = 1.0}
      %p = lt %v, %limit
      yield %p
    } region (%v: f64[]) {
      %n = add %v, %v
      yield %n
    }
    %y = mul %u, %r
    yield %y
  }
  yield %dx
})");
  std::vector<Array> args = draw_arguments(graph->body, 1);
  args[1].reals[0] = 0.75;
  CHECK(interpreted(graph->body, args)[0].real() == 1.5);
}

TEST_CASE("a derivative in an integer is refused") {
  CHECK(error_of(R"(graph g (%x: f64[3], %i: i32[3]) {
  %one = constant {dtype = f64, shape = <3>, value = 1.0}
  %f, %di = vjp %x, %i, %one {seeds = [0], wrt = [1]} region (%u: f64[3], %j: i32[3]) {
    %g = gather %u, %j
    yield %g
  } @ "model.cpp:3"
  yield %di
})") == R"(error: cannot differentiate with respect to 'j', which is i32[3]
  --> model.cpp:3
  help: only floats have derivatives)");
}

}  // namespace
}  // namespace nodec
