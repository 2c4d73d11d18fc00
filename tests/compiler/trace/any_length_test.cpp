// Scans and sorting along an axis that is as long as the data: values, gradients both ways, and
// second derivatives against those of a program whose axis is a number; in loops, dynamics and on
// the emulated GPU.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec::any_length_tests {
namespace {

using Function = std::function<Var(const Var&)>;

// Of a vector or a matrix of three columns; `f` gives numbers, whose squares are summed up.
Traced derivatives(const Type& type, const Function& f, const std::string& batch) {
  const auto loss = [&](const Var& x) {
    const Var y = f(x);
    return sum(y * y * cos(y));
  };
  return trace(
      "any_length", {{"x", type}, {"dx", type}},
      [&](const Var& x, const Var& dx) {
        const auto [value, gradient, product] = hvp(loss, x, dx);
        const Var along = jvp(loss, x, dx).second;
        const Var slope = grad([&](const Var& at) { return sum(grad(loss, at) * dx); }, x);
        return std::tuple{f(x), value, gradient, along, product, slope - product};
      },
      batch);
}

std::vector<Tensor> results(const Traced& traced, const std::vector<Array>& x,
                            const std::string& device = {}) {
  CompileOptions options;
  options.cache = ObjectCache("");
  options.device = device;
  return oracle::run_compiled(compile(*traced.graph, options), x);
}

struct Case {
  const char* name;
  Function f;
};

std::vector<Case> cases(std::int64_t axis) {
  return {{"cumsum", [=](const Var& x) { return cumsum(x, axis); }},
          {"cumprod", [=](const Var& x) { return cumprod(1.0 + 0.2 * x, axis); }},
          {"flip", [=](const Var& x) { return cumsum(flip(x, axis), axis) * x; }},
          {"sort", [=](const Var& x) { return sort(x, axis).values * cumsum(x, axis); }},
          {"top_k", [=](const Var& x) { return top_k(x * x, 3, axis).values; }},
          {"in a loop",
           [=](const Var& x) {
             return repeat(2, x, [&](const Var&, const Var& y) {
               return tanh(0.3 * cumsum(y, axis) + sort(y, axis, true).values);
             });
           }},
          {"in dynamics", [=](const Var& x) {
             SolveOptions options;
             options.method = "rk4";
             options.dt = 0.5;
             const auto dynamics = [&](const Var& u) {
               return 0.1 * cumsum(u * u, axis) - sort(u, axis).values;
             };
             return solve(dynamics, x, 0, 1, options).u;
           }}};
}

void compare(const Case& c, const Type& type, const Type& known, const std::string& batch = {}) {
  CAPTURE(c.name);
  CAPTURE(type.str());
  const Traced any = derivatives(type, c.f, batch), fixed = derivatives(known, c.f, {});
  const std::vector<Array> x = oracle::inputs_for(*fixed.graph, {});
  const std::vector<Tensor> got = results(any, x);
  const double tolerance = known.dtype() == Dtype::F32 ? 2e-4 : 1e-11;
  const std::vector<Array> want = interpret(*run_until(*fixed.graph, "differentiate"), x);
  for (std::size_t k = 0; k < got.size(); ++k) {
    for (std::int64_t i = 0; i < want[k].count(); ++i) {
      const double value = want[k].real(i);
      CHECK(std::abs(oracle::value_at(got[k], std::size_t(i)) - value) <=
            tolerance * (1 + std::abs(value)));
    }
  }
  if (batch.empty()) return;
  const std::vector<Tensor> emulated = results(any, x, "cuda-emulated");
  for (std::size_t k = 0; k < got.size(); ++k) {
    CHECK(std::memcmp(got[k].data(), emulated[k].data(), got[k].bytes()) == 0);
  }
}

}  // namespace

TEST_CASE("scans and sorting along an axis of any length are those along one of as many elements" *
          doctest::test_suite("slow")) {
  for (const Case& c : cases(0)) compare(c, f64({"N"}), f64({21}));
  for (const Case& c : cases(-1)) compare(c, f64({2, "B"}), f64({2, 21}), "B");
}

TEST_CASE("columns are scanned and sorted beside one another, in single precision too") {
  for (const Case& c : cases(0)) {
    if (std::string_view(c.name).starts_with("in")) continue;
    compare(c, f32({"N", 3}), f32({21, 3}));
  }
}

TEST_CASE("parts of any length are joined in any order") {
  const Case joined{"concat", [](const Var& x) {
                      const Var first = slice(x, 0, 0, 1), two = concat({first, -first});
                      return concat({two, x, first, sin(x) * x, x, two});
                    }};
  compare(joined, f64({"N"}), f64({21}));
  compare(joined, f32({"N", 3}), f32({21, 3}));
}

TEST_CASE("a scan may have no rows, known or not") {
  const auto none = [](const Var& x) {
    return value_and_grad(
        [&](const Var& at) {
          const Var start = constant(2.0, Dtype::F64);
          const auto [end, rows] = scan(start, at, [](const Var& so_far, const Var& row) {
            return std::pair(so_far * row, so_far + row);
          });
          return end + sum(rows) + sum(cumsum(at, 0)) +
                 sum(for_each(at, [](const Var& row) { return sin(row); }));
        },
        x);
  };
  const Tensor x(Dtype::F64, {0});
  for (const Type& type : {f64({"N"}), f64({0})}) {
    const Program program = oracle::compile_fresh(*trace("none", {{"x", type}}, none).graph);
    const auto out = program.executable->run(std::vector<TensorView>{x});
    CHECK(out[0].values<double>()[0] == 2);
    CHECK(out[1].count() == 0);
  }
}

TEST_CASE("an infinite element reaches no running sum in front of it, and a sum of -0 is -0") {
  const auto slopes = [](const Var& x) {
    const auto sum_of_three = [](const Var& at) { return cumsum(at, 0).at(2); };
    return std::tuple{grad(sum_of_three, x), cumsum(x, 0)};
  };
  const double inf = std::numeric_limits<double>::infinity();
  for (const Type& type : {f64({"N"}), f64({4})}) {
    const Traced traced = trace("infinite", {{"x", type}}, slopes);
    const auto out = results(traced, {Array::of({4}, {-0.0, 2, 3, inf})});
    CHECK(std::ranges::equal(out[0].values<double>(), std::vector<double>{1, 1, 1, 0}));
    CHECK(std::ranges::equal(out[1].values<double>(), std::vector<double>{0, 2, 5, inf}));
    CHECK(std::signbit(out[1].values<double>()[0]));
  }
}

TEST_CASE("more of the greatest than there are is told when the program is called") {
  const Program program = oracle::compile_fresh(
      *trace("few", {{"x", f64({"N"})}}, [](const Var& x) { return top_k(x, 3).values; }).graph);
  const Tensor two(Dtype::F64, {2});
  CHECK_THROWS_WITH_AS(program.executable->run(std::vector<TensorView>{two}),
                       doctest::Contains("takes 3 from 0 on along axis 0 of f64[N] with N = 2"),
                       Error);
}

TEST_CASE("a size that comes out below 0 is told when the program is called") {
  const auto told = [](const std::function<Var(const Dim&)>& made) {
    const Traced traced = trace("made", {{"x", f64({"N"})}}, [&](const Var& x) {
      return sum(made(Dim::symbol("N") - 3)) + sum(x);
    });
    const Program program = oracle::compile_fresh(*traced.graph);
    const Tensor two(Dtype::F64, {2}), four(Dtype::F64, {4});
    program.executable->run(std::vector<TensorView>{four});
    try {
      program.executable->run(std::vector<TensorView>{two});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(told([](const Dim& n) { return iota(Dtype::F64, {n}); }) ==
        "error: 'iota' in 'made': makes N - 3 along axis 0 of f64[N - 3] with N = 2\n"
        "  help: give longer arrays");
  CHECK(told([](const Dim& n) {
          return broadcast_to(constant(2.0, Dtype::F64), {n}, {});
        }).find("makes N - 3 along axis 0") != std::string::npos);
  CHECK(told([](const Dim& n) {
          return random_normal(key(constant(1, Dtype::I64)), {n}, Dtype::F64);
        }).starts_with("error: 'random_normal' in 'made': makes N - 3"));
}

}  // namespace nodec::any_length_tests
