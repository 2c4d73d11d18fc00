// Parts of the batch as values of the program, their gradients, and parts that do not lie within
// sizes that only a call knows.
#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Traceable = std::function<Var(const Var&)>;

Shape samples(std::vector<Dim> before, std::vector<Dim> after = {}) {
  Shape shape(before.begin(), before.end());
  shape.push_back(Dim::symbol("B"));
  shape.insert(shape.end(), after.begin(), after.end());
  return shape;
}

// f and the gradient of its sum, on one thread and on three, against the interpreter.
void expect_agreement(const Shape& shape, const Traceable& f) {
  const auto traced = trace(
      "part", {{"x", Type::tensor(Dtype::F64, shape)}},
      [&](const Var& x) {
        return std::tuple{f(x), grad([&](const Var& v) { return sum(f(v) * f(v)); }, x)};
      },
      "B");
  const Program program = oracle::compile_fresh(*traced.graph);
  const auto plain = run_until(*traced.graph, "differentiate");
  for (const std::int64_t batch : {5, 16, 67}) {
    const auto inputs = oracle::inputs_for(*traced.graph, {{"B", batch}});
    const auto want = interpret(*plain, inputs);
    for (const int threads : {1, 3}) {
      oracle::expect_close(oracle::run_compiled(program, inputs, threads), want, 1e-12);
    }
  }
}

std::string refusal(const Traced& traced, const Bindings& sizes) {
  const Program program = oracle::compile_fresh(*traced.graph);
  try {
    oracle::run_compiled(program, oracle::inputs_for(*traced.graph, sizes));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("slices along the batch agree with the interpreter, and so do their gradients") {
  const auto middle = [](std::int64_t axis) -> Traceable {
    return [=](const Var& x) { return slice(tanh(x), axis, 1, 3); };
  };
  expect_agreement(samples({}), middle(0));
  expect_agreement(samples({2}), middle(1));
  expect_agreement(samples({}, {4}), middle(0));
  expect_agreement(samples({2, 3}), middle(2));
  expect_agreement(samples({}), [](const Var& x) { return x.at(0); });
  expect_agreement(samples({2}), [](const Var& x) { return slice(x, 1, 4, 1); });
  expect_agreement(samples({2}), [](const Var& x) { return slice(x, 1, 2, 0); });
}

TEST_CASE("a part of the batch is a value like any other") {
  expect_agreement(samples({}), [](const Var& x) { return x * sum(slice(x, 0, 1, 3)); });
  expect_agreement(samples({}), [](const Var& x) {
    return concat({slice(x, 0, 3, 2), slice(x * x, 0, 0, 2)}, 0);
  });
  const auto in_dynamics = [](const Var& x) {
    return solve([](const Var& u) { return -u * u.at(1); }, x, 0, 1,
                 {.adjoint = "interpolating", .rtol = 1e-9, .atol = 1e-9})
        .u;
  };
  expect_agreement(samples({}), in_dynamics);
}

TEST_CASE("a part that does not lie within its tensor is refused when the size is known") {
  const std::vector<Input> vector{{"x", f64({"N"})}};
  const auto three = trace("f", vector, [](const Var& x) { return slice(x, 0, 1, 3); });
  CHECK(refusal(three, {{"N", 4}}).empty());
  for (const std::int64_t n : {3, 0}) {
    CHECK(refusal(three, {{"N", n}}) ==
          fmt::format("error: 'slice' in 'f': takes 3 from 1 on along axis 0 of 'x' f64[N] with N "
                      "= {}\n  help: give arrays in which that lies",
                      n));
  }
  const auto rest =
      trace("f", vector, [](const Var& x) { return slice(x, 0, 2, Dim::symbol("N") - 3); });
  CHECK(refusal(rest, {{"N", 4}}).empty());
  CHECK(refusal(rest, {{"N", 3}}).empty());
  CHECK(refusal(rest, {{"N", 2}}).find("takes N - 3 from 2 on") != std::string::npos);
}

TEST_CASE("a part that starts where the program says is not longer than its tensor") {
  const std::vector<Input> inputs{{"x", f64({"N", 2})}, {"at", i32()}, {"k", f64({"K"})}};
  const auto part = trace("f", inputs, [](const Var& x, const Var& at, const Var& k) {
    return sum(dynamic_slice(x, at, 0, Dim::symbol("K"))) * sum(k);
  });
  CHECK(refusal(part, {{"N", 4}, {"K", 4}}).empty());
  CHECK(refusal(part, {{"N", 4}, {"K", 5}})
            .find("'dynamic_slice' in 'f': takes K from 0 on along axis 0 of 'x' f64[N, 2] with N "
                  "= 4") != std::string::npos);
}

TEST_CASE("a part of the batch is refused in a batch that is too small, its gradient too") {
  const std::vector<Input> vector{{"x", f64({2, "B"})}};
  const Traceable part = [](const Var& x) { return sum(slice(x, 1, 2, 4)); };
  const auto value = trace("f", vector, part, "B");
  const auto slope = trace(
      "f", vector, [&](const Var& x) { return grad(part, x); }, "B");
  CHECK(refusal(value, {{"B", 6}}).empty());
  CHECK(refusal(slope, {{"B", 6}}).empty());
  CHECK(refusal(value, {{"B", 5}})
            .find("'slice' in 'f': takes 4 from 2 on along axis 1 of 'x' f64[2, B] with B = 5") !=
        std::string::npos);
  CHECK(refusal(slope, {{"B", 5}})
            .find("'pad' in 'f': sets 4 from 2 on along axis 1 of f64[2, B] with B = 5") !=
        std::string::npos);
}

}  // namespace nodec
