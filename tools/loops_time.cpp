// What loops and their gradients cost, beside the same recurrence in plain C++. One JSON line for
// each program; `tools/bench loops` reads them.
//   recurrence   10^6 turns of the logistic map: value, gradient, and that under a cap of 1 MiB;
//                with r = 3, where its derivative neither explodes nor dies away to subnormal
//                numbers, which some processors multiply a hundred times more slowly
//   lstm         two layers of 14 cells with diagonal weights over 1024 characters, as GradBench
//                has it, on noise: value, gradient
//   chain        1,000 adaptive solves one behind another, as a loop: gradient
//   particle     GradBench's: a fall, its field by derivatives, inside a minimiser by derivatives;
//                by every pair of modes, outer and inner, reverse or forward
//   saddle       GradBench's: the least of a greatest value, a minimiser inside a minimiser
#include <algorithm>
#include <cmath>
#include <functional>

#include "compiler/nodec.h"
#include "tools/gradbench.h"
#include "tools/timing.h"

namespace nodec {
namespace {

struct Timed {
  double compile = 0, one = 0, two = 0;      // milliseconds; with one and two threads
  std::int64_t tape_bytes = 0, growths = 0;  // growths: of all calls but the first
};

Timed timed(const Traced& traced, const std::vector<TensorView>& inputs) {
  CompileOptions fresh;
  fresh.cache = ObjectCache("");
  Program program;
  Timed t{.compile = milliseconds_of([&] { program = compile(*traced.graph, fresh); })};
  const auto with = [&](int threads) {
    CallOptions options;
    options.threads = threads;
    return median_milliseconds_of([&] { program.executable->run(inputs, options); });
  };
  program.executable->run(inputs);
  const std::int64_t grown = program.executable->tape_growths();
  t.one = with(1), t.two = with(2);
  t.tape_bytes = program.executable->tape_bytes();
  t.growths = program.executable->tape_growths() - grown;
  return t;
}

// Not inlined, so that the compiler does not know its numbers.
[[gnu::noinline]] double plain_recurrence(double x, double r, int turns) {
  for (int i = 0; i < turns; ++i) x = r * x * (1 - x);
  return x;
}

void recurrence() {
  constexpr int kTurns = 1000000;
  const auto map = [](const LoopOptions& options) {
    return [options](const Var& x, const Var& r) {
      return repeat(
          kTurns, x, [&](const Var&, const Var& y) { return r * y * (1.0 - y); }, options);
    };
  };
  const std::vector<Input> types{{"x", f64()}, {"r", f64()}};
  const auto gradient = [&](const LoopOptions& options) {
    return trace("gradient", types,
                 [&](const Var& x, const Var& r) { return value_and_grad(map(options), x, r); });
  };
  const Tensor x = Tensor::scalar(0.3), r = Tensor::scalar(3.0);
  const std::vector<TensorView> inputs{x, r};
  double sink = 0;
  const double plain = median_milliseconds_of([&] { sink += plain_recurrence(0.3, 3.0, kTurns); });
  const Timed value = timed(trace("value", types, map({})), inputs);
  const Timed whole = timed(gradient({}), inputs);
  const Timed capped = timed(gradient({.tape_bytes = 1 << 20}), inputs);
  fmt::print(R"({{"what": "recurrence", "plain": {}, "value": {}, "value_2": {}, "gradient": {}, )"
             R"("gradient_2": {}, "capped": {}, "capped_bytes": {}, "checked": {}}})"
             "\n",
             plain, value.one, value.two, whole.one, whole.two, capped.one, capped.tape_bytes,
             sink);
}

constexpr int kLayers = 2, kCells = 14, kCharacters = 1024;

// The bits a character costs, from parameters [2 layers, 4 cells] and [3, cells].
Var lstm_loss(const Var& main, const Var& extra, const Var& state, const Var& characters,
              const Var& next_characters) {
  std::vector<Var> hidden, cells;
  for (int i = 0; i < kLayers; ++i) {
    hidden.push_back(state.at(2 * i));
    cells.push_back(state.at(2 * i + 1));
  }
  using Carry = std::tuple<std::vector<Var>, std::vector<Var>, Var>;
  const auto step = [&](const Carry& carry, const std::tuple<Var, Var>& rows) -> Carry {
    auto [h, c, total] = carry;
    const auto& [character, next] = rows;
    Var input = character * extra.at(0);
    for (std::size_t i = 0; i < kLayers; ++i) {
      const Var weights = main.at(2 * int(i)), biases = main.at(2 * int(i) + 1);
      const auto gate = [&](const Var& x, int part) {
        return x * slice(weights, 0, part * kCells, kCells) +
               slice(biases, 0, part * kCells, kCells);
      };
      const Var forget = sigmoid(gate(input, 0)), ingate = sigmoid(gate(h[i], 1));
      const Var outgate = sigmoid(gate(input, 2)), change = tanh(gate(h[i], 3));
      c[i] = c[i] * forget + ingate * change;
      h[i] = outgate * tanh(c[i]);
      input = h[i];
    }
    const Var y = input * extra.at(1) + extra.at(2);
    return {h, c, total + sum(next * (y - log(2.0 + sum(exp(y)))))};
  };
  const Carry end = scan(Carry{hidden, cells, constant(0.0, Dtype::F64)},
                         std::tuple{characters, next_characters}, step);
  return std::get<2>(end) * (-1.0 / ((kCharacters - 1) * kCells));
}

void lstm() {
  const std::vector<Input> types{{"main", f64({2 * kLayers, 4 * kCells})},
                                 {"extra", f64({3, kCells})},
                                 {"state", f64({2 * kLayers, kCells})},
                                 {"characters", f64({kCharacters - 1, kCells})},
                                 {"next_characters", f64({kCharacters - 1, kCells})}};
  std::vector<Tensor> inputs;
  philox::Sequence words(1, 0);
  for (const Input& input : types) {
    std::vector<std::int64_t> dims;
    for (const Dim& dim : input.type.shape()) dims.push_back(dim.constant());
    Tensor tensor(Dtype::F64, dims);
    for (double& x : tensor.values<double>()) x = double(words.next()) / 4294967296.0;
    inputs.push_back(std::move(tensor));
  }
  const std::vector<TensorView> views(inputs.begin(), inputs.end());
  const Timed value = timed(trace("value", types, lstm_loss), views);
  const auto traced = trace(
      "gradient", types,
      [](const Var& main, const Var& extra, const Var& state, const Var& now, const Var& next) {
        const auto loss = [&](const Var& m, const Var& e) {
          return lstm_loss(m, e, state, now, next);
        };
        return value_and_grad(loss, main, extra);
      });
  const Timed gradient = timed(traced, views);
  fmt::print(R"({{"what": "lstm", "value": {}, "gradient": {}, "compile": {}}})"
             "\n",
             value.one, gradient.one, gradient.compile);
}

void chain() {
  const auto end = [](const Var& x, const Var& rate) {
    return repeat(1000, x, [&](const Var&, const Var& y) {
      return solve([&](const Var& u) { return sin(u) * rate; }, y, 0.0, 0.1).u;
    });
  };
  const auto traced = trace("chain", {{"x", f64()}, {"rate", f64()}},
                            [&](const Var& x, const Var& r) { return value_and_grad(end, x, r); });
  const Tensor x = Tensor::scalar(0.5), rate = Tensor::scalar(-0.3);
  const Timed gradient = timed(traced, {x, rate});
  fmt::print(R"({{"what": "chain", "gradient": {}, "compile": {}, "bytes": {}, "growths": {}}})"
             "\n",
             gradient.one, gradient.compile, gradient.tape_bytes, gradient.growths);
}

using gradbench::Slope;

Var saddle(const Var& start, const Slope& outer, const Slope& inner) {
  const auto height = [](const Var& x, const Var& y) { return sum(x * x) - sum(y * y); };
  const auto highest = [&](const Var& x) {
    return gradbench::least([&](const Var& y) { return -height(x, y); }, start, inner);
  };
  const Var x =
      gradbench::least([&](const Var& at) { return height(at, highest(at)); }, start, outer);
  return concat({x, highest(x)}, 0);
}

// Whole evals by each pair of modes, and how far their answers are from `want` at most.
using Eval = std::function<Var(const Var&, const Slope&, const Slope&)>;
void minimisers(const char* what, const Type& type, const Tensor& start, double want,
                const Eval& eval) {
  const std::pair<char, Slope> modes[] = {{'r', gradbench::by_reverse},
                                          {'f', gradbench::by_forward}};
  double worst = 0;
  std::string times;
  for (const auto& [outer_name, outer] : modes) {
    for (const auto& [inner_name, inner] : modes) {
      const Slope &of_outer = outer, &of_inner = inner;
      const auto traced =
          trace(what, {{"start", type}}, [&](const Var& x) { return eval(x, of_outer, of_inner); });
      const std::vector<TensorView> inputs{start};
      times += fmt::format(R"("{}{}": {}, )", outer_name, inner_name, timed(traced, inputs).one);
      const std::vector<Tensor> found = compile(traced).executable->run(inputs);
      for (const double x : found[0].values<double>()) {
        worst = std::max(worst, std::abs(x - want));
      }
    }
  }
  fmt::print(R"({{"what": "{}", {}"off": {}}})"
             "\n",
             what, times, worst);
}

}  // namespace
}  // namespace nodec

int main() {
  nodec::recurrence();
  nodec::lstm();
  nodec::chain();
  nodec::minimisers("particle", nodec::f64(), nodec::Tensor::scalar(0.0), 0.2071918746486116,
                    nodec::gradbench::particle);
  nodec::minimisers("saddle", nodec::f64({2}), nodec::Tensor::of<double>({2}, {1.0, 1.0}),
                    8.246324826140356e-06, nodec::saddle);
}
