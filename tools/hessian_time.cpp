// What a product with the Hessian of MNIST's loss costs beside its gradient: batch 128 of noise,
// one thread, call by call in turn. One JSON line; `tools/bench hessian` reads it.
#include <algorithm>
#include <cstdio>

#include "compiler/nodec.h"
#include "examples/digits/idx.h"
#include "examples/mnist/model.h"
#include "tools/timing.h"

namespace nodec {
namespace {

constexpr std::int64_t kBatch = 128;

// The loss at the parameters in front, their gradient, and with `product` also the Hessian's
// product with the inputs "v".
Traced traced_loss(bool product) {
  const nn::Layer model = mnist::model();
  Trace t(product ? "product" : "gradient", "B");
  const Params ps = t.input("", model.params());
  const Var images = t.input("x", u8({digits::kPixels, "B"})), labels = t.input("y", u8({"B"}));
  const Var x = cast(images, Dtype::F32) * (1.0f / 255);
  State st = t.input("state", model.state());
  const auto loss = [&](const Params& p) {
    auto [logits, after] = model(x, p, st);
    st = after;
    return nn::cross_entropy_with_logits(logits, labels);
  };
  if (product) {
    const Params v = t.input("v", model.params());
    const auto [value, slope, moved] = hvp(loss, ps, v);
    t.output("loss", value);
    t.output("slope", slope);
    t.output("moved", moved);
  } else {
    const auto [value, slope] = value_and_grad(loss, ps);
    t.output("loss", value);
    t.output("slope", slope);
  }
  return t.finish();
}

// A program and arrays for it, drawn.
class Bound {
 public:
  explicit Bound(bool product)
      : program_(compile(traced_loss(product))), setup_(nn::setup(0, mnist::model())) {
    philox::Sequence words(1, 0);
    for (const Port& port : program_.executable->signature().inputs) {
      std::vector<std::int64_t> dims;
      for (const Dim& dim : port.type.shape()) dims.push_back(dim.evaluate({{"B", kBatch}}));
      Tensor& tensor = arrays_.emplace_back(port.type.dtype(), dims);
      fill(port.name, tensor, words);
    }
    for (const Tensor& tensor : arrays_) views_.push_back(tensor.view());
  }

  void call() { program_.executable->run(views_); }
  double compile_ms() const { return program_.report.milliseconds; }

 private:
  void fill(const std::string& name, Tensor& tensor, philox::Sequence& words) {
    if (tensor.dtype() == Dtype::U8) {
      for (std::uint8_t& word : tensor.values<std::uint8_t>())
        word = name == "y" ? std::uint8_t(words.next_below(10)) : std::uint8_t(words.next() >> 24);
      return;
    }
    if (tensor.dtype() != Dtype::F32) return;
    const auto values = tensor.values<float>();
    if (name.starts_with("layer")) {
      std::ranges::copy(setup_.params[name], values.begin());
    } else {
      for (float& value : values) value = float(words.next() >> 8) * 0x1p-24f - 0.5f;
    }
  }

  Program program_;
  nn::Setup<float> setup_;
  std::vector<Tensor> arrays_;
  std::vector<TensorView> views_;
};

int run() {
  Bound gradient(false), product(true);
  const Beside times = beside([&] { gradient.call(); }, [&] { product.call(); });
  std::printf(
      "{\"gradient_us\":%.1f,\"product_us\":%.1f,\"ratio\":%.3f,\"compile_ms\":%.0f,"
      "\"gradient_compile_ms\":%.0f}\n",
      times.first_us, times.second_us, times.ratio, product.compile_ms(), gradient.compile_ms());
  return 0;
}

}  // namespace
}  // namespace nodec

int main() try { return nodec::run(); } catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", nodec::error_text(error).c_str());
  return 4;
}
