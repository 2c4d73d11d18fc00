// Whether nodec is fast only for the tutorial's network: the time of a training step divided by the
// multiply-adds in it, for a network the compiler was not tuned on (dynamics 24-12-12-24, relu and
// softplus, RK4) and, with --tutorial, for the tutorial's (20-10-10-20, tanh, Tsit5). Prints one
// line of JSON.
//
// Multiply-adds counted, for a sample: those of every dense layer forward; backward the same again
// for the weights, and for the inputs wherever the input has a gradient (the first layer's has
// none). An adaptive solve's first two evaluations choose its step and have no backward.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "compiler/nodec.h"

namespace {

using namespace nodec;

constexpr std::int64_t kPixels = 784, kClasses = 10, kImages = 1280, kBatch = 128;

struct Network {
  std::int64_t state, hidden;
  nn::Activation first, second, third;
  SolveOptions solve;
};

Network other() {
  SolveOptions solve;
  solve.method = "rk4";
  solve.dt = 0.25;
  return {24, 12, nn::act::relu, nn::act::softplus, nn::act::identity, solve};
}

Network tutorial() {
  SolveOptions solve;
  solve.rtol = 1e-3, solve.atol = 1e-3;
  return {20, 10, nn::act::tanh, nn::act::tanh, nn::act::tanh, solve};
}

nn::Layer model(const Network& n, std::function<void(const Solution<Var>&)> observe) {
  const nn::Layer dynamics =
      nn::Chain({nn::Dense(n.state, n.hidden, n.first), nn::Dense(n.hidden, n.hidden, n.second),
                 nn::Dense(n.hidden, n.state, n.third)});
  nn::NeuralOdeOptions options;
  options.solve = n.solve;
  options.observe = std::move(observe);
  return nn::Chain({nn::Dense(kPixels, n.state, nn::act::tanh), nn::NeuralOde(dynamics, options),
                    nn::Dense(n.state, kClasses)});
}

double multiply_adds(const Network& n, double f_evals) {
  const double probes = n.solve.method == "tsit5" ? 2 : 0;
  const double first = double(kPixels * n.state), last = double(n.state * kClasses);
  const double dynamics = double(2 * n.state * n.hidden + n.hidden * n.hidden);
  const double forward = first + f_evals * dynamics + last;
  const double backward = first + 2 * ((f_evals - probes) * dynamics + last);
  return (forward + backward) * double(kBatch);
}

Traced training_step(const Network& network) {
  Trace trace("training_step", "B");
  Var evals;
  const nn::Layer net =
      model(network, [&](const Solution<Var>& solution) { evals = solution.f_evals; });
  const nn::Adam adam;
  const Params ps = trace.input("params", net.params());
  const State st = trace.input("state", net.state());
  const Var moments = trace.input("adam", adam.state(net.params()));
  const Var images = trace.input("images", u8({"N", kPixels}));
  const Var labels = trace.input("labels", u8({"N"}));
  const Var batch = trace.input("batch", i32({"B"}));
  evals = constant(0, Dtype::I32);
  const Var x = transpose(cast<float>(gather(images, batch)) * (1.0f / 255));
  const Var y = cast<std::int32_t>(gather(labels, batch));
  const auto [loss, grads] = value_and_grad(
      [&](const Params& p) { return nn::cross_entropy_with_logits(net(x, p, st).first, y); }, ps);
  const nn::Updated next = adam(ps, grads, moments, constant(1e-3));
  trace.update("params", next.params);
  trace.update("adam", next.state);
  trace.output("loss", loss);
  trace.output("f_evals", evals);
  return trace.finish();
}

// Weights as they begin, images of noise, labels in turn.
void begin(const Network& network, NamedArrays& arrays) {
  const auto start = nn::setup(0, model(network, {})).params;
  for (const nn::Leaf& leaf : start.leaves) {
    std::vector<std::int64_t> dims;
    for (const Dim& dim : leaf.type.shape()) dims.push_back(dim.constant());
    arrays.set("params." + leaf.name, Tensor::of(std::move(dims), start.view(leaf)));
  }
  philox::Sequence words(1, 0);
  Tensor images(Dtype::U8, {kImages, kPixels}), labels(Dtype::U8, {kImages});
  for (std::uint8_t& pixel : images.values<std::uint8_t>()) pixel = words.next() >> 24;
  Tensor batch(Dtype::I32, {kBatch});
  std::ranges::generate(labels.values<std::uint8_t>(),
                        [i = 0]() mutable { return std::uint8_t(i++ % kClasses); });
  std::ranges::generate(batch.values<std::int32_t>(), [i = 0]() mutable { return i++; });
  arrays.set("images", std::move(images));
  arrays.set("labels", std::move(labels));
  arrays.set("batch", std::move(batch));
}

// The median over blocks of the mean time of a step, in seconds.
double time_step(BoundProgram& step) {
  constexpr int kBlocks = 15, kSteps = 40;
  std::vector<double> blocks;
  for (int block = -3; block < kBlocks; ++block) {
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < kSteps; ++i) {
      require_success(step.call(), step.signature());
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - began;
    if (block >= 0) blocks.push_back(spent.count() / kSteps);
  }
  std::ranges::nth_element(blocks, blocks.begin() + kBlocks / 2);
  return blocks[kBlocks / 2];
}

}  // namespace

int main(int argc, char** argv) try {
  const bool is_tutorial = argc > 1 && std::string(argv[1]) == "--tutorial";
  const Network network = is_tutorial ? tutorial() : other();
  const Program program = compile(*training_step(network).graph);
  NamedArrays arrays;
  begin(network, arrays);
  BoundProgram step(program.executable, arrays);
  const double seconds = time_step(step);
  const double f_evals = arrays["f_evals"].values<std::int32_t>()[0];
  std::printf("{\"step_us\":%.1f,\"f_evals\":%g,\"ps_per_multiply_add\":%.2f}\n", 1e6 * seconds,
              f_evals, 1e12 * seconds / multiply_adds(network, f_evals));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error_text(error).c_str());
  return 4;
}
