// Which image comes when: the split into training and test images, and the shuffled batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nodec::mnist {

// The first round(0.9 n) images train, the rest test, as the tutorial splits; no shuffle before.
struct Split {
  std::int64_t train = 0;
  std::int64_t test = 0;
};
Split split(std::int64_t count);

// Batches of indices in a given order; the last may be short.
class Loader {
 public:
  Loader(std::int64_t first, std::int64_t count, std::int64_t batch);

  // Draws the order of an epoch: it depends on the seed and the epoch alone.
  void shuffle(std::uint64_t seed, std::uint64_t epoch);
  std::int64_t batches() const;
  std::span<const std::int32_t> batch(std::int64_t i) const;

 private:
  std::int64_t batch_;
  std::vector<std::int32_t> order_;
};

}  // namespace nodec::mnist
