// Dropout and BatchNorm: what they compute in training and in use, inside a neural ODE, and as
// machine code.
#include "compiler/nn/regularisers.h"

#include <cmath>
#include <numeric>

#include "tests/compiler/oracle.h"
#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::number;
using testing::numbers;
using testing::run;
using Reals = std::vector<double>;

Traced applied(const nn::Layer& layer, std::int64_t features) {
  Trace t("applied", "B");
  const Params ps = t.input("", layer.params());
  const State st = t.input("st", layer.state());
  const Var x = t.input("x", f32({features, "B"}));
  auto [y, next] = layer(x, ps, st);
  t.output("y", y);
  t.output("next", next);
  return t.finish();
}

double share_of_zeros(const Reals& values) {
  return double(std::count(values.begin(), values.end(), 0.0)) / double(values.size());
}

TEST_CASE("dropout zeroes its share, scales the rest, and draws another mask next time") {
  const Traced dropout = applied(nn::Dropout(0.25), 50);
  const Array x = Array::of({50, 40}, Reals(2000, 3.0), Dtype::F32);
  const auto first = run(dropout, {number(77), number(0), x});
  CHECK(std::abs(share_of_zeros(first[0]) - 0.25) < 0.04);
  for (const double y : first[0]) CHECK((y == 0 || y == 4));
  CHECK(first[1] == Reals{77});
  CHECK(first[2] == Reals{1});
  CHECK(run(dropout, {number(77), number(0), x}) == first);
  CHECK(run(dropout, {number(77), number(1), x})[0] != first[0]);
  CHECK(run(dropout, {number(78), number(0), x})[0] != first[0]);
}

TEST_CASE("in use, and at rate 0, dropout passes its input and state on") {
  const auto same = [&](const Traced& traced) {
    const auto results =
        run(traced, {number(5), number(7), Array::of({3, 1}, {1, 2, 3}, Dtype::F32)});
    CHECK(results == std::vector<Reals>{{1, 2, 3}, {5}, {7}});
  };
  same(applied(nn::Dropout(0), 3));
  same(applied(nn::Frozen(nn::Dropout(0.5)), 3));
  const nn::TestMode in_use;
  same(applied(nn::Dropout(0.5), 3));
}

TEST_CASE("each dropout layer of a model has a seed of its own, a whole number") {
  const auto setup = nn::setup<float>(1, nn::Chain({nn::Dropout(0.5), nn::Dropout(0.5)}));
  const float one = setup.state["layer_1.seed"][0], other = setup.state["layer_2.seed"][0];
  CHECK(one != other);
  CHECK(std::min(one, other) >= 0);
  CHECK(std::max(one, other) <= 0x1p24f);
}

TEST_CASE("a dropout rate outside [0, 1) is refused") {
  CHECK(testing::message([] { nn::Dropout(1); }) ==
        R"(error: a dropout rate is in [0, 1), not 1
  --> line +0   this layer
  help: give the share of elements to drop)");
}

TEST_CASE("a neural ODE's dynamics see one mask in all evaluations of a solve") {
  nn::NeuralOdeOptions options;
  options.solve.method = "euler";
  options.solve.dt = 0.125;
  const nn::Layer ones = nn::WrappedFunction([](const Var& u) { return ones_like(u); });
  const Traced ode = applied(nn::NeuralOde(nn::Chain({ones, nn::Dropout(0.5)}), options), 40);
  const auto results =
      run(ode, {number(9), number(3), Array::of({40, 5}, Reals(200, 0.0), Dtype::F32)});
  for (const double u : results[0]) CHECK((u == 0 || u == 2));
  CHECK(std::abs(share_of_zeros(results[0]) - 0.5) < 0.15);
  CHECK(results.back() == Reals{4});
}

TEST_CASE("batch norm normalises by the batch and keeps running statistics") {
  const Traced norm = applied(nn::BatchNorm(2, {.momentum = 0.1, .epsilon = 0}), 2);
  const auto results =
      run(norm, {numbers({1, 2}), numbers({0, 5}), numbers({0, 10}), numbers({1, 1}),
                 Array::of({2, 4}, {1, 2, 3, 4, -2, -2, 2, 2}, Dtype::F32)});
  const double s = 1 / std::sqrt(1.25);
  const Reals wanted{-1.5 * s, -0.5 * s, 0.5 * s, 1.5 * s, 3, 3, 7, 7};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CHECK(results[0][i] == doctest::Approx(wanted[i]).epsilon(1e-6));
  }
  CHECK(results[1][0] == doctest::Approx(0.25));
  CHECK(results[1][1] == doctest::Approx(9));
  CHECK(results[2][0] == doctest::Approx(0.9 + 0.1 * 5.0 / 3));  // the unbiased variance
  CHECK(results[2][1] == doctest::Approx(0.9 + 0.1 * 16.0 / 3));
}

TEST_CASE("batch norm of images has the statistics of all places and samples") {
  Trace t("images", "B");
  const nn::Layer norm = nn::BatchNorm(2, {.momentum = 1, .epsilon = 0});
  const Params ps = t.input("", norm.params());
  const State before = t.input("st", norm.state());
  const auto [y, st] = norm(t.input("x", f32({2, 1, 2, "B"})), ps, before);
  t.output("y", y);
  t.output("mean", st["mean"]);
  t.output("variance", st["variance"]);
  const auto results =
      run(t.finish(), {numbers({1, 2}), numbers({0, 5}), numbers({0, 10}), numbers({1, 1}),
                       Array::of({2, 1, 2, 2}, {1, 2, 3, 4, -2, -2, 2, 2}, Dtype::F32)});
  const double s = 1 / std::sqrt(1.25);
  const Reals wanted{-1.5 * s, -0.5 * s, 0.5 * s, 1.5 * s, 3, 3, 7, 7};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CHECK(results[0][i] == doctest::Approx(wanted[i]).epsilon(1e-6));
  }
  CHECK(results[1] == Reals{2.5, 0});
  CHECK(results[2][0] == doctest::Approx(5.0 / 3));
  CHECK(results[2][1] == doctest::Approx(16.0 / 3));
}

TEST_CASE("batch statistics of one sample are refused, while tracing where that shows") {
  const int base = __LINE__ + 1;
  const nn::Layer norm = nn::BatchNorm(3);
  const auto fixed = [&](std::int64_t samples) {
    Trace t("fixed");
    const Params ps = t.input("", norm.params());
    t.output("y", norm(t.input("x", f32({3, samples})), ps, t.input("st", norm.state())).first);
    return t.finish();
  };
  CHECK(testing::message([&] { fixed(1); }, base) ==
        R"(error: BatchNorm(3) wants two samples or more in a batch, got f32[3, 1]
  --> line +0   this layer
  help: give the batch more samples, or freeze it: Frozen(BatchNorm(...)))");
  CHECK_THROWS_AS(fixed(0), Error);
  CHECK_NOTHROW(fixed(2));
  const Tensor ones = Tensor::of<float>({3}, {1, 1, 1}), x = Tensor(Dtype::F32, {3, 1});
  const Program program = compile(applied(norm, 3));
  const auto step = [&] {
    program.executable->run(std::vector<TensorView>{ones, ones, ones, ones, x});
  };
  const std::string wanted =
      R"(error: 'applied' stopped: a batch of one sample has no variance to normalise by
  --> line +0   BatchNorm(3)
  help: give the batch two samples or more, or use running statistics: Frozen(BatchNorm(...)))";
  CHECK(testing::message(step, base) == wanted);
  CHECK(testing::message(
            [&] {
              run(applied(norm, 3), {numbers({1, 1, 1}), numbers({1, 1, 1}), numbers({1, 1, 1}),
                                     numbers({1, 1, 1}), Array::of({3, 1}, {0, 0, 0}, Dtype::F32)});
            },
            base)
            .find("one sample has no variance") != std::string::npos);
  CHECK(run(applied(nn::Frozen(norm), 3),
            {numbers({1, 1, 1}), numbers({1, 1, 1}), numbers({1, 1, 1}), numbers({1, 1, 1}),
             Array::of({3, 1}, {0, 0, 0}, Dtype::F32)})
            .size() == 3);
}

TEST_CASE("frozen, batch norm uses its running statistics and leaves them") {
  const auto results = run(applied(nn::Frozen(nn::BatchNorm(1, {.epsilon = 0})), 1),
                           {numbers({3}), numbers({1}), numbers({2}), numbers({4}),
                            Array::of({1, 2}, {4, 0}, Dtype::F32)});
  CHECK(results == std::vector<Reals>{{4, -2}, {2}, {4}});
}

TEST_CASE("batch statistics inside a solve are refused with the reason; frozen ones work") {
  const int base = __LINE__ + 1;
  const nn::Layer norm = nn::BatchNorm(3);
  const auto apply = [&] { applied(nn::NeuralOde(norm), 3); };
  CHECK(
      testing::message(apply, base) ==
      R"(error: BatchNorm(3) would normalise by other statistics at each evaluation of the dynamics, rejected steps included
  --> line +0   this layer
  help: freeze it: Frozen(BatchNorm(...)))");
  const auto results = run(applied(nn::NeuralOde(nn::Frozen(norm)), 3),
                           {numbers({0, 0, 0}), numbers({1, 2, 3}), numbers({0, 0, 0}),
                            numbers({1, 1, 1}), Array::of({3, 1}, {0, 0, 0}, Dtype::F32)});
  for (std::size_t i = 0; i < 3; ++i) CHECK(results[0][i] == doctest::Approx(double(i + 1)));
}

TEST_CASE("a training step with dropout and batch norm compiles, and agrees with the interpreter") {
  Trace t("train", "B");
  const nn::Layer model =
      nn::Chain({nn::Dense(4, 6, nn::act::tanh), nn::BatchNorm(6), nn::Dropout(0.3),
                 nn::NeuralOde(nn::Chain({nn::Dense(6, 6, nn::act::tanh), nn::Dropout(0.2),
                                          nn::Frozen(nn::BatchNorm(6))})),
                 nn::Dense(6, 2)});
  const Params ps = t.input("", model.params());
  const auto positive = [](const std::vector<Var>& leaf) { return abs(leaf[0]) + 0.5; };
  State st = map_leaves({t.input("state", model.state())}, positive);  // variances, too
  const Var x = t.input("x", f32({4, "B"}));
  auto [loss, grads] = value_and_grad(
      [&](const Params& p) {
        auto [y, next] = model(x, p, st);
        st = next;
        return mean(y * y);
      },
      ps);
  t.output("loss", loss);
  t.output("grads", grads);
  t.output("state", st);
  oracle::expect_agreement(*t.finish().graph, 2e-3, {2, 37, 128});
}

}  // namespace
}  // namespace nodec
