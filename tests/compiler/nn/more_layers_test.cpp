// Layers beyond the plain ones against their formulas, by the interpreter; and their gradients, by
// differences.
#include "compiler/nn/more_layers.h"
#include "compiler/nn/cells.h"
#include "compiler/nn/convolutions.h"
#include "compiler/nn/regularisers.h"

#include <cmath>

#include "compiler/ad/differentiate.h"
#include "compiler/passes/unbox.h"
#include "tests/compiler/trace/traced.h"

namespace nodec::nn {
namespace {

using testing::message;
using testing::run;
using Numbers = std::vector<double>;

Array drawn(const Type& type, std::int64_t batch, std::uint64_t key) {
  std::vector<std::int64_t> dims;
  std::int64_t count = 1;
  for (const Dim& dim : type.shape()) {
    dims.push_back(dim.evaluate({{"B", batch}}));
    count *= dims.back();
  }
  Numbers numbers;
  for (std::int64_t i = 0; i < count; ++i) {
    numbers.push_back(2 * philox::uniform_f32(philox::draw(key, std::uint64_t(i))[0]) - 1);
  }
  return Array::of(dims, numbers, type.dtype());
}

// The layer's output for x, its parameters as given, in order.
Numbers applied(const Layer& layer, const Type& x_type, const Array& x,
                const std::vector<Array>& params) {
  Trace t("layer", "B");
  const Params ps = t.input("", layer.params(Dtype::F64));
  const State st = t.input("st", layer.state(Dtype::F64));
  t.output("y", layer(t.input("x", x_type), ps, st).first);
  std::vector<Array> arguments = params;
  arguments.push_back(x);
  return run(t.finish(), arguments)[0];
}

Numbers applied(const Layer& layer, const Type& x_type, const Array& x) {
  std::vector<Array> params;
  std::uint64_t key = 100;
  for (const Type& type : tracing::leaf_types(layer.params(Dtype::F64))) {
    params.push_back(drawn(type, 1, key++));
  }
  return applied(layer, x_type, x, params);
}

// The gradient of sum(sin(y)) in x and the parameters against central differences.
void check_gradient(const Layer& layer, const Type& x_type) {
  CAPTURE(layer.str());
  const auto program = [&](bool gradient) {
    Trace t("gradient", "B");
    const Params ps = t.input("", layer.params(Dtype::F64));
    const State st = t.input("st", layer.state(Dtype::F64));
    const Var x = t.input("x", x_type);
    const auto loss = [&](const Var& x, const Params& p) {
      return sum(sin(layer(x, p, st).first));
    };
    if (gradient) {
      const auto [dx, dp] = grad(loss, x, ps);
      t.output("p", dp);
      t.output("x", dx);
    } else {
      t.output("loss", loss(x, ps));
    }
    Traced traced = t.finish();
    unbox(*traced.graph);
    differentiate(*traced.graph);
    return traced;
  };
  std::vector<Array> arguments;
  std::uint64_t key = 7;
  for (const Type& type : tracing::leaf_types(layer.params(Dtype::F64))) {
    arguments.push_back(drawn(type, 3, key++));
  }
  arguments.push_back(drawn(x_type, 3, key));
  const auto gradients = run(program(true), arguments);
  const Traced loss = program(false);
  for (std::size_t a = 0; a < arguments.size(); ++a) {
    for (std::size_t i = 0; i < std::min<std::size_t>(4, gradients[a].size()); ++i) {
      const auto at = [&](double step) {
        std::vector<Array> moved = arguments;
        moved[a].reals[i] += step;
        return run(loss, moved)[0][0];
      };
      CHECK(gradients[a][i] == doctest::Approx((at(1e-5) - at(-1e-5)) / 2e-5).epsilon(1e-6));
    }
  }
}

}  // namespace

TEST_CASE("scale and bias work on features, whatever axes follow") {
  const Array x = Array::of({2, 2}, {1, 2, 3, 4});
  const Array weight = Array::of({2}, {10, 100}), bias = Array::of({2}, {1, 2});
  CHECK(applied(Scale(2), f64({2, "B"}), x, {weight, bias}) == Numbers{11, 21, 302, 402});
  CHECK(applied(Bias(2), f64({2, "B"}), x, {bias}) == Numbers{2, 3, 5, 6});
  CHECK(applied(Bias(2), f64({2, 2, "B"}), Array::of({2, 2, 1}, {1, 2, 3, 4}), {bias}) ==
        Numbers{2, 3, 5, 6});
  CHECK(Scale(3).str() == "Scale(3)");
  CHECK(setup(0, Scale(2)).params.values == std::vector<float>{1, 1, 0, 0});
}

TEST_CASE("an embedding picks rows, and puts features first") {
  const Array table = Array::of({3, 2}, {1, 2, 3, 4, 5, 6});
  Array one = Array::zeros(Dtype::U8, {2}), two = Array::zeros(Dtype::U8, {2, 2});
  one.integers = {2, 0};
  two.integers = {0, 1, 2, 0};
  CHECK(applied(Embedding(3, 2), u8({"B"}), one, {table}) == Numbers{5, 1, 6, 2});
  CHECK(applied(Embedding(3, 2), u8({2, "B"}), two, {table}) == Numbers{1, 3, 5, 1, 2, 4, 6, 2});
}

TEST_CASE("a bilinear layer is a product of halves") {
  const Array weight = Array::of({1, 2, 2}, {1, 2, 3, 4}), bias = Array::of({1}, {0.5});
  CHECK(applied(Bilinear(2, 2, 1), f64({4, "B"}), Array::of({4, 1}, {1, 2, 3, 4}),
                {weight, bias}) == Numbers{1 * 3 + 2 * 4 + 3 * 2 * 3 + 4 * 2 * 4 + 0.5});
}

TEST_CASE("norms leave mean 0 and variance 1 of what they take together") {
  const Type type = f64({4, 3, "B"});
  const Array x = drawn(type, 2, 1);
  const std::vector<Array> whole{Array::of({4, 3}, Numbers(12, 1)),
                                 Array::of({4, 3}, Numbers(12, 0))};
  const auto moments = [](const Numbers& y, std::size_t first, std::size_t count, std::size_t b) {
    double mean = 0, square = 0;
    for (std::size_t i = first; i < first + count; ++i) {
      mean += y[2 * i + b] / double(count);
      square += y[2 * i + b] * y[2 * i + b] / double(count);
    }
    CHECK(std::abs(mean) < 1e-12);
    CHECK(square == doctest::Approx(1).epsilon(1e-3));
  };
  const Numbers layer = applied(LayerNorm({4, 3}, {.epsilon = 1e-9}), type, x, whole);
  const Numbers group = applied(GroupNorm(4, 2, {.epsilon = 1e-9}), type, x,
                                {Array::of({4}, Numbers(4, 1)), Array::of({4}, Numbers(4, 0))});
  for (const std::size_t b : {0, 1}) {
    moments(layer, 0, 12, b);
    moments(group, 0, 6, b);
    moments(group, 6, 6, b);
  }
}

TEST_CASE("pools take the largest or the mean of windows") {
  const Type type = f64({2, 4, "B"});
  const Array x = Array::of({2, 4, 1}, {1, 2, 3, 4, 5, 6, 7, 9});
  CHECK(applied(MaxPool({2, 2}), type, x) == Numbers{6, 9});
  CHECK(applied(MeanPool({2, 2}), type, x) == Numbers{3.5, 5.75});
  CHECK(applied(MaxPool({4}), type, x) == Numbers{4, 9});
  CHECK(MaxPool({2, 2}).str() == "MaxPool(2, 2)");
}

TEST_CASE("layers are joined beside their input and beside each other") {
  const Array x = Array::of({2, 1}, {1, 2}), bias = Array::of({2}, {10, 20});
  CHECK(applied(SkipConnection(Bias(2)), f64({2, "B"}), x, {bias}) == Numbers{12, 24});
  const auto product = [](const Var& y, const Var& x) { return y * x; };
  CHECK(applied(SkipConnection(Bias(2), product), f64({2, "B"}), x, {bias}) == Numbers{11, 44});
  const Layer both = Parallel({Bias(2), Scale(2)});
  CHECK(both.params(Dtype::F64).str() ==
        "{layer_1: {bias: f64[2]}, layer_2: {weight: f64[2], bias: f64[2]}}");
  CHECK(applied(both, f64({2, "B"}), x, {bias, bias, bias}) == Numbers{11, 22, 20, 60});
  const auto sum_of = [](const std::vector<Var>& ys) { return ys[0] + ys[1]; };
  CHECK(applied(Parallel({Bias(2), Bias(2)}, sum_of), f64({2, "B"}), x, {bias, bias}) ==
        Numbers{22, 44});
}

TEST_CASE("windows may overlap, leave gaps and reach outside") {
  const Type type = f64({1, 5, "B"});
  const Array x = Array::of({1, 5, 1}, {3, -1, 4, -1, 5});
  CHECK(applied(MaxPool({3}, {{1}, {1}}), type, x) == Numbers{3, 4, 4, 5, 5});
  CHECK(applied(MaxPool({2}, {{3}, {}}), type, x) == Numbers{3, 5});
  CHECK(applied(MeanPool({2}, {{2}, {1}}), type, x) == Numbers{1.5, 1.5, 2});
  CHECK(applied(MaxPool({1}, {{1}, {1}}), f64({1, 1, "B"}), Array::of({1, 1, 1}, {-2})) ==
        Numbers{-HUGE_VAL, -2, -HUGE_VAL});
}

TEST_CASE("a convolution adds its bias to each position, then activates") {
  const Array weight = Array::of({2, 1, 2}, {1, 2, -1, 1}), bias = Array::of({2}, {0.5, 0});
  const Array x = Array::of({1, 3, 1}, {1, 2, 4});
  CHECK(applied(Conv({2}, 1, 2), f64({1, 3, "B"}), x, {weight, bias}) == Numbers{5.5, 10.5, 1, 2});
  CHECK(applied(Conv({2}, 1, 2, act::relu, {{2}, {1}}), f64({1, 3, "B"}), x, {weight, bias}) ==
        Numbers{2.5, 10.5, 1, 2});
  CHECK(Conv({3, 3}, 1, 8, act::relu, {{2}, {1}}).str() ==
        "Conv((3, 3), 1 => 8, relu, stride (2), padding (1))");
  CHECK(Conv({3, 3}, 2, 8).params().str() == "{weight: f32[8, 2, 3, 3], bias: f32[8]}");
}

// A cell between what takes one tensor apart and puts what it gives together.
Layer stepped(const Layer& cell, std::int64_t in, std::int64_t out, bool memory) {
  const auto apart = [=](const Var& x) {
    std::vector<std::pair<std::string, Var>> fields{{"x", slice(x, 0, 0, in)},
                                                    {"h", slice(x, 0, in, out)}};
    if (memory) fields.emplace_back("c", slice(x, 0, in + out, out));
    return Var(record(fields));
  };
  const auto together = [=](const Var& y) {
    return memory ? concat({Var(y["h"]), Var(y["c"])}, 0) : y;
  };
  return Chain({WrappedFunction(apart), cell, WrappedFunction(together)});
}

TEST_CASE("recurrent cells make the step of their formulas") {
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  const Numbers w{0.1, -0.2, 0.3, 0.4}, u{-0.5, 0.6, 0.7, -0.8}, c{0.25, 0.5, -0.125, 0.75};
  const double x = 2, h = -1, memory = 0.5;
  const auto gate = [&](std::size_t i) { return w[i] * x + u[i] * h + c[i]; };
  const auto of = [](const Numbers& all, std::int64_t rows) {
    return Array::of({rows, 1}, Numbers(all.begin(), all.begin() + rows));
  };
  const auto bias = [&](std::int64_t rows) {
    return Array::of({rows}, Numbers(c.begin(), c.begin() + rows));
  };
  const auto near = [](const Numbers& got, const Numbers& want) {
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]));
  };
  const Array two = Array::of({2, 1}, {x, h}), three = Array::of({3, 1}, {x, h, memory});
  near(applied(stepped(RNNCell(1, 1), 1, 1, false), f64({2, "B"}), two,
               {of(w, 1), of(u, 1), bias(1)}),
       {std::tanh(gate(0))});
  const double r = logistic(gate(0) + c[0]), z = logistic(gate(1) + c[1]);
  const double n = std::tanh(w[2] * x + c[2] + r * (u[2] * h + c[2]));
  near(applied(stepped(GRUCell(1, 1), 1, 1, false), f64({2, "B"}), two,
               {of(w, 3), of(u, 3), bias(3), bias(3)}),
       {(1 - z) * n + z * h});
  const double cell = logistic(gate(1)) * memory + logistic(gate(0)) * std::tanh(gate(2));
  near(applied(stepped(LSTMCell(1, 1), 1, 1, true), f64({3, "B"}), three,
               {of(w, 4), of(u, 4), bias(4)}),
       {logistic(gate(3)) * std::tanh(cell), cell});
  CHECK(LSTMCell(2, 3).params().str() ==
        "{weight_i: f32[12, 2], weight_h: f32[12, 3], bias: f32[12]}");
}

TEST_CASE("gradients of layers agree with differences") {
  check_gradient(Scale(3), f64({3, "B"}));
  check_gradient(Bilinear(2, 2, 3), f64({4, "B"}));
  check_gradient(LayerNorm({3, 2}), f64({3, 2, "B"}));
  check_gradient(GroupNorm(4, 2), f64({4, "B"}));
  check_gradient(MaxPool({2}), f64({4, "B"}));
  check_gradient(MeanPool({2, 2}), f64({2, 4, "B"}));
  check_gradient(MaxPool({3, 2}, {{2, 1}, {1, 0}}), f64({2, 5, 4, "B"}));
  check_gradient(Conv({3}, 2, 3, act::tanh, {{2}, {1}}), f64({2, 6, "B"}));
  check_gradient(Conv({2, 3}, 2, 2, act::silu), f64({2, 4, 5, "B"}));
  check_gradient(stepped(RNNCell(2, 3), 2, 3, false), f64({5, "B"}));
  check_gradient(stepped(GRUCell(2, 3), 2, 3, false), f64({5, "B"}));
  check_gradient(stepped(LSTMCell(2, 3), 2, 3, true), f64({8, "B"}));
  check_gradient(SkipConnection(Dense(2, 2, act::tanh)), f64({2, "B"}));
  check_gradient(Parallel({Dense(2, 2, act::tanh), Scale(2)}), f64({2, "B"}));
}

TEST_CASE("what a layer cannot take is told at the line where it was made") {
  Trace t("refused", "B");
  const Var x = t.input("x", f32({3, "B"}));
  const auto refusal = [&](const Layer& layer, int base) {
    return message([&] { layer(x, t.input(layer.str(), layer.params()), record({})); }, base);
  };
  const int base = __LINE__ + 1;
  const Layer layers[] = {Scale(2), Embedding(3, 2), LayerNorm({2}), GroupNorm(2, 1), MaxPool({2})};
  CHECK(refusal(layers[0], base) == R"(error: Scale(2) takes 2 features and a batch, got f32[3, B]
  --> line +0   this layer
  help: give it a [2, batch])");
  CHECK(refusal(layers[1], base) ==
        R"(error: Embedding(3 => 2) takes integers [..., batch], got f32[3, B]
  --> line +0   this layer
  help: give it the numbers of rows, cast<std::int32_t>(x))");
  CHECK(refusal(layers[2], base) ==
        R"(error: LayerNorm(2) takes samples [2] and a batch, got f32[3, B]
  --> line +0   this layer
  help: give it a [2, batch])");
  CHECK(refusal(layers[3], base) ==
        R"(error: GroupNorm(2, 1) takes 2 channels, ... and a batch, got f32[3, B]
  --> line +0   this layer
  help: give it a [2, ..., batch])");
  CHECK(
      refusal(layers[4], base) ==
      R"(error: MaxPool(2) takes [..., batch] with multiples of 2 in front of the batch, got f32[3, B]
  --> line +0   this layer
  help: crop the input, or take another window)");
  CHECK(message([] { GroupNorm(3, 2); }, 0)
            .starts_with("error: 3 channels cannot be parted into 2 groups of equal size"));
  CHECK(message([] { Parallel({}); }, 0).starts_with("error: Parallel has no layers"));
  CHECK(message(
            [] {
              Conv({1, 2, 3}, 1, 1);
            },
            0)
            .starts_with("error: Conv((1, 2, 3), 1 => 1, identity) has a window of 3 sizes"));
  CHECK(
      message([&] { Conv({2}, 1, 1)(x, t.input("conv", Conv({2}, 1, 1).params()), record({})); }, 0)
          .starts_with("error: Conv((2), 1 => 1, identity) takes 1 channels, one size and a "
                       "batch, got f32[3, B]"));
}

// Whether `T{numbers...}` compiles.
template <class T, class... Numbers>
concept MadeOf = requires(Numbers... numbers) {
  T{numbers...};
};

TEST_CASE("a norm's numbers go by their names alone, and are numbers that it can use") {
  static_assert(!MadeOf<NormOptions, double>);
  static_assert(!MadeOf<BatchNormOptions, double>);
  static_assert(!std::is_invocable_v<decltype(&LayerNorm), Axes, double, Here>);
  CHECK(LayerNorm({5, 3}, {.epsilon = 1e-3}).str() == "LayerNorm(5, 3, epsilon 0.001)");
  CHECK(GroupNorm(6, 3, {.epsilon = 1e-3}).str() == "GroupNorm(6, 3, epsilon 0.001)");
  CHECK(BatchNorm(6, {.momentum = 0.2}).str() == "BatchNorm(6, momentum 0.2)");
  CHECK(BatchNorm(6, {.epsilon = 0}).str() == "BatchNorm(6, epsilon 0)");
  CHECK(BatchNorm(6).str() == "BatchNorm(6)");
  CHECK(MeanPool({3, 3}, {.stride = {2}}).str() == "MeanPool((3, 3), stride (2))");
  const auto refusal = [](auto layer) {
    const std::string said = message(layer, 0);
    return said.substr(0, said.find('\n'));
  };
  CHECK(refusal([] { LayerNorm({2}, {.epsilon = -1}); }) ==
        "error: LayerNorm(2, epsilon -1): epsilon is a finite number of 0 or more, got -1");
  CHECK(refusal([] { GroupNorm(2, 1, {.epsilon = INFINITY}); }) ==
        "error: GroupNorm(2, 1, epsilon inf): epsilon is a finite number of 0 or more, got inf");
  CHECK(refusal([] { BatchNorm(2, {.momentum = 1.5}); }) ==
        "error: BatchNorm(2, momentum 1.5): momentum is in [0, 1], got 1.5");
  CHECK(refusal([] { BatchNorm(2, {.momentum = NAN}); }) ==
        "error: BatchNorm(2, momentum nan): momentum is in [0, 1], got nan");
}

TEST_CASE("inits have the spreads they name") {
  const auto spread = [](Init init, double& largest) {
    const Setup<float> start = setup(3, Dense(400, 100), init);
    double square = 0;
    largest = 0;
    for (const float x : start.params["weight"]) {
      square += double(x) * double(x);
      largest = std::max(largest, std::abs(double(x)));
    }
    return std::sqrt(square / 40000);
  };
  double largest = 0;
  CHECK(spread(Init::GlorotNormal, largest) == doctest::Approx(std::sqrt(2.0 / 500)).epsilon(0.02));
  CHECK(largest > 3.5 * std::sqrt(2.0 / 500));
  CHECK(spread(Init::KaimingNormal, largest) == doctest::Approx(0.05).epsilon(0.02));
  // The deviation of a normal number cut at 2 is 0.8796.
  CHECK(spread(Init::TruncatedNormal, largest) == doctest::Approx(0.05 * 0.8796).epsilon(0.02));
  CHECK(largest <= 0.1);
  CHECK(largest > 0.099);
}

}  // namespace nodec::nn
