// A step through a Trainer takes nothing from the heap once its sizes were seen.
#include "tests/bits/training.h"

namespace nodec::bits {

TEST_CASE("a trainer's step allocates nothing") {
  const mnist::ProgramOptions options;
  const nn::Recipe how = mnist::recipe(options);
  nn::Trainer trainer(how.model, how.loss, how.optimiser,
                      {.input = how.input, .metrics = how.metrics, .threads = 2});
  const Images& all = images();
  nn::Loader loader(
      Tensor::borrow(Dtype::U8, all.pixels.dims(), const_cast<void*>(all.pixels.data())),
      Tensor::borrow(Dtype::U8, all.labels.dims(), const_cast<void*>(all.labels.data())),
      {.batch = 128, .shuffle = true});
  trainer.prepare(loader);
  double loss = 0;
  int steps = 0;
  for (const nn::Batch& batch : loader) {
    const std::int64_t before = allocations();
    loss = trainer.step(batch).loss;
    if (++steps > 3 && !batch.place.is_last()) CHECK(allocations() == before);
  }
  CHECK(loss > 0.5);
}

}  // namespace nodec::bits
