// A step traced by hand, on the arrays of a trainer.
#include <algorithm>

#include "compiler/nodec.h"
#include "tests/compiler/trace/traced.h"
#include "tests/compiler/train/lines.h"

namespace nodec::nn {

namespace {

std::span<const float> batch_values(const Table& table) {
  return {static_cast<const float*>(table.view().data), std::size_t(table.view().count())};
}

}  // namespace

TEST_CASE("a step of one's own works on a trainer's arrays, which goes on from there") {
  const Layer model = testing::line_model();
  const auto trainer_of = [&] {
    return Trainer(model, MeanSquared(), Sgd{.lr = 0.1, .momentum = 0.9});
  };
  Trainer mixed = trainer_of(), alone = trainer_of();
  const Batch batch = testing::line_loader(8, {.batch = 8}).batch(1, 0);

  mixed.step(batch);
  alone.step(batch);

  // Two losses: the trainer's own, and a price on a slope that is not the physics' 2.
  Trace t("own_step", "B");
  const Optimiser rule = Sgd{.lr = 0.1, .momentum = 0.9};
  const Params ps = t.input("", model.params());
  const Var moments = t.input("optimiser", rule.state(model.params()));
  const Var x = t.input("x", f32({1, "B"})), y = t.input("y", f32({1, "B"})),
            price = t.input("price", f32()), lr = t.input("lr", f32());
  const auto loss_of = [&](const Params& p) {
    const Var slope = sum(p["weight"]);
    return mse(model(x, p, record({})).first, y) + price * (slope - 2) * (slope - 2);
  };
  const auto [loss, grads] = value_and_grad(loss_of, ps);
  const Updated next = rule(ps, grads, moments, lr);
  t.update("", next.params);
  t.update("optimiser", next.state);
  t.output("own_loss", loss);
  NamedArrays& arrays = mixed.arrays();
  arrays.set("price", 0.0f);
  BoundProgram own(compile(t.finish()).executable, arrays, {}, {"x", "y"});
  Tensor xs(Dtype::F32, {1, 8}), ys(Dtype::F32, {1, 8});  // the batch, samples last
  std::ranges::copy(batch_values(batch.tables->x), xs.values<float>().begin());
  std::ranges::copy(batch_values(batch.tables->y), ys.values<float>().begin());
  own.give("x", xs);
  own.give("y", ys);
  const auto bits = [](Trainer& trainer) {
    return std::pair(trainer.params()["weight"].values<float>()[0],
                     trainer.arrays()["optimiser.sgd.v.bias"].values<float>()[0]);
  };
  // Without the price it is the trainer's step, bit by bit; and the trainer goes on from it.
  require_success(own.call(), own.signature());
  alone.step(batch);
  CHECK(bits(mixed) == bits(alone));
  mixed.step(batch);
  alone.step(batch);
  CHECK(bits(mixed) == bits(alone));
  arrays["price"].values<float>()[0] = 10;
  require_success(own.call(), own.signature());
  alone.step(batch);
  CHECK(bits(mixed) != bits(alone));
}

}  // namespace nodec::nn
