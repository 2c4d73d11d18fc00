// Batches in an order drawn from the same counter-based generator as the compiled programs' random
// numbers.
#include "examples/mnist/loader.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compiler/nodec.h"

namespace nodec::mnist {
namespace {

constexpr std::uint64_t kShuffleStream = 0x73687566;  // apart from whatever else the seed draws

}  // namespace

Split split(std::int64_t count) {
  const std::int64_t train = std::llround(0.9 * static_cast<double>(count));
  return {.train = train, .test = count - train};
}

Loader::Loader(std::int64_t first, std::int64_t count, std::int64_t batch)
    : batch_(batch), order_(static_cast<std::size_t>(count)) {
  std::iota(order_.begin(), order_.end(), static_cast<std::int32_t>(first));
}

void Loader::shuffle(std::uint64_t seed, std::uint64_t epoch) {
  std::sort(order_.begin(), order_.end());
  const std::uint64_t key = philox::fold_in(philox::fold_in(seed, kShuffleStream), epoch);
  philox::shuffle(std::span(order_), key);
}

std::int64_t Loader::batches() const {
  return (static_cast<std::int64_t>(order_.size()) + batch_ - 1) / batch_;
}

std::span<const std::int32_t> Loader::batch(std::int64_t i) const {
  const std::int64_t begin = i * batch_;
  const std::int64_t size = std::min(batch_, static_cast<std::int64_t>(order_.size()) - begin);
  return std::span(order_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
}

}  // namespace nodec::mnist
