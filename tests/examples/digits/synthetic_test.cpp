// Synthetic digits: reproducible, balanced, inside their frame, and different enough by class that
// the plainest classifier tells them apart.
#include "examples/digits/synthetic.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace nodec::digits;

TEST_CASE("digit i depends on the seed and i alone") {
  const Digits all = synthetic_digits(50), some = synthetic_digits(20),
               other = synthetic_digits(50, 1);
  CHECK(std::equal(some.pixels.begin(), some.pixels.end(), all.pixels.begin()));
  CHECK(std::equal(some.labels.begin(), some.labels.end(), all.labels.begin()));
  CHECK(all.pixels != other.pixels);
}

TEST_CASE("every class comes about as often, with ink away from the corners") {
  const Digits digits = synthetic_digits(2000);
  std::array<int, kClasses> count{};
  for (const int label : digits.labels) ++count[std::size_t(label)];
  for (const int n : count) CHECK(std::abs(n - 200) < 60);
  for (std::int64_t i = 0; i < digits.count(); ++i) {
    const auto* image = digits.pixels.data() + i * kPixels;
    const auto ink = std::count_if(image, image + kPixels, [](int p) { return p > 127; });
    CHECK(ink > 15);
    CHECK(ink < 300);
    CHECK(image[0] + image[kSide - 1] + image[kPixels - kSide] + image[kPixels - 1] == 0);
  }
}

TEST_CASE("the nearest class mean names most digits") {
  const Digits digits = synthetic_digits(3000);
  constexpr std::int64_t kTrain = 2000;
  std::array<std::vector<double>, kClasses> mean;
  std::array<int, kClasses> count{};
  for (auto& m : mean) m.assign(kPixels, 0);
  for (std::int64_t i = 0; i < kTrain; ++i) {
    const auto label = digits.labels[std::size_t(i)];
    ++count[label];
    for (std::int64_t p = 0; p < kPixels; ++p) mean[label][p] += digits.pixels[i * kPixels + p];
  }
  for (std::size_t c = 0; c < kClasses; ++c) {
    for (double& m : mean[c]) m /= count[c];
  }
  int right = 0;
  for (std::int64_t i = kTrain; i < digits.count(); ++i) {
    const auto distance = [&](std::size_t c) {
      double sum = 0;
      for (std::int64_t p = 0; p < kPixels; ++p) {
        const double d = digits.pixels[i * kPixels + p] - mean[c][p];
        sum += d * d;
      }
      return sum;
    };
    std::size_t best = 0;
    for (std::size_t c = 1; c < kClasses; ++c) {
      if (distance(c) < distance(best)) best = c;
    }
    right += best == digits.labels[std::size_t(i)];
  }
  MESSAGE("nearest mean: ", right, " of 1000");
  CHECK(right > 700);
  CHECK(right < 1000);  // a set this method solves whole would be too easy to train on
}
