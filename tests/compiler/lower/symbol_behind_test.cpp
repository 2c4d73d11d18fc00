// Tensors without a batch whose symbolic axis is not their first: what is made of a transposed
// port, against the interpreter and on the emulated GPU, with gradients.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec::symbol_behind_tests {
namespace {

using Function = std::function<std::vector<Var>(const Var& x)>;

// f of x [3, N], which is a tensor of its own; a gradient through all of it.
void check(const char* name, const Function& f) {
  CAPTURE(name);
  const Traced traced = trace("behind", {{"x", f64({"N", 3})}}, [&](const Var& x) {
    const auto behind = [&](const Var& at) { return f(exp(0.5 * transpose(at))); };
    const auto loss = [&](const Var& at) {
      Var all = constant(0.0, Dtype::F64);
      for (const Var& y : behind(at)) all = all + sum(sin(y));
      return all;
    };
    std::vector<Var> results = behind(x);
    for (Var& y : results) {
      if (y.rank() == 2 && !y.shape()[1].is_constant()) y = transpose(y);
    }
    results.push_back(grad(loss, x));
    return results;
  });
  CompileOptions options{.cache = ObjectCache("")};
  const Program here = compile(*traced.graph, options);
  options.device = "cuda-emulated";
  const Program there = compile(*traced.graph, options);
  const auto plain = run_until(*traced.graph, "differentiate");
  for (const std::int64_t n : {1, 5, 300}) {
    CAPTURE(n);
    const std::vector<Array> x = oracle::inputs_for(*traced.graph, {{"N", n}});
    const std::vector<Tensor> got = oracle::run_compiled(here, x, 2);
    oracle::expect_close(got, interpret(*plain, x), 1e-10);
    if (n == 300) continue;
    const std::vector<Tensor> emulated = oracle::run_compiled(there, x);
    for (std::size_t k = 0; k < got.size(); ++k) {
      CHECK(std::memcmp(got[k].data(), emulated[k].data(), got[k].bytes()) == 0);
    }
  }
}

Var indices(std::vector<double> values) { return constant(std::move(values), Dtype::I32); }

}  // namespace

TEST_CASE("elements and folds along a symbolic axis behind others") {
  check("folds", [](const Var& t) -> std::vector<Var> {
    return {sum(t), sum(t, {0}), sum(t, {1}), max_over(t, {1}), norm(t), softmax(t, 1)};
  });
  check("rows", [](const Var& t) -> std::vector<Var> {
    return {concat({t, 2.0 * t}, 0),
            pad(t, 1, 2, 0),
            slice(t, 0, 1, 2),
            flip(t, 0),
            flip(t, 1),
            sum(concat({slice(t, 1, 0, 1), t}, 1), {1})};
  });
  check("reshapes", [](const Var& t) -> std::vector<Var> {
    const Dim n = t.shape()[1];
    const Var pairs = stack({t, sin(t)}), turned = transpose(pairs, {1, 0, 2});
    const Var six = reshape(turned, {6, n}), again = reshape(six, {1, 2, 3, n, 1});
    return {six, sum(again * again, {0, 1, 4}), reshape(sin(six), {3, 2, n}).at(1)};
  });
  check("picked rows", [](const Var& t) -> std::vector<Var> {
    return {gather(t, indices({2, 0})), segment_sum(t, indices({1, 0, 1}), 2),
            dynamic_slice(t, 1, 0, 2), cumsum(t, 1), sort(t, 0).values};
  });
}

TEST_CASE("products from and to matrices with a symbolic axis behind") {
  check("products", [](const Var& t) -> std::vector<Var> {
    const Var square = matmul(t, transpose(t));
    return {square, matmul(square, t), matmul(transpose(t), square)};
  });
}

TEST_CASE("loops, branches and calls carry and tape them") {
  check("loop", [](const Var& t) -> std::vector<Var> {
    const auto turn = [](const Var&, const Var& y) { return tanh(y + softmax(y, 1)); };
    return {repeat(3, t, turn), repeat(5, t, turn, {.tape_bytes = 300})};
  });
  check("branch", [](const Var& t) -> std::vector<Var> {
    const Var inside = call(
        "inside", [](const Var& y) { return y * softmax(y, 1); }, t);
    return {cond(
        sum(t) > 1.0, [&] { return inside * t; }, [&] { return inside; })};
  });
}

}  // namespace nodec::symbol_behind_tests
