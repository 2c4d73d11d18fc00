// Counter-based random numbers for the host: the same words that compiled programs and the
// interpreter draw (kernels/random.cpp), so a loader's shuffle and a program's noise are one
// generator.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011)
// is a keyed bijection on 128-bit counters; distinct counters under one key are independent draws,
// in any order and on any thread. The counter is (index, stream), each 64 bits, low word first:
// element `index` of a random array is stream 0, a key folded with `data` is stream 1, a host
// shuffle is stream 2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace nodec::philox {

using Words = std::array<std::uint32_t, 4>;

inline constexpr int kRounds = 10;
inline constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
inline constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
inline constexpr std::uint32_t kElements = 0, kFolds = 1, kShuffles = 2;  // streams

constexpr Words draw(std::uint64_t key, std::uint64_t index, std::uint64_t stream = kElements) {
  Words c{std::uint32_t(index), std::uint32_t(index >> 32), std::uint32_t(stream),
          std::uint32_t(stream >> 32)};
  std::uint32_t k0 = std::uint32_t(key), k1 = std::uint32_t(key >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t(kMultiplier0) * c[0];
    const std::uint64_t p1 = std::uint64_t(kMultiplier1) * c[2];
    c = {std::uint32_t(p1 >> 32) ^ c[1] ^ k0, std::uint32_t(p1),
         std::uint32_t(p0 >> 32) ^ c[3] ^ k1, std::uint32_t(p0)};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return c;
}

// A new key for each `data`, independent of every number drawn under the old one.
constexpr std::uint64_t fold_in(std::uint64_t key, std::uint64_t data) {
  const Words words = draw(key, data, kFolds);
  return std::uint64_t(words[1]) << 32 | words[0];
}

// [0, 1): every multiple of 2^-24, and of 2^-53.
constexpr float uniform_f32(std::uint32_t word) { return float(word >> 8) * 0x1p-24f; }
constexpr double uniform_f64(std::uint32_t high, std::uint32_t low) {
  return (double(high >> 5) * 0x1p26 + double(low >> 6)) * 0x1p-53;
}

// A number below `end` (end > 0), by the upper half of a product: biased by less than end / 2^32.
constexpr std::uint32_t below(std::uint32_t word, std::uint32_t end) {
  return std::uint32_t(std::uint64_t(word) * end >> 32);
}

// The words of one stream of a key, one after another.
class Sequence {
 public:
  constexpr Sequence(std::uint64_t key, std::uint64_t stream) : key_(key), stream_(stream) {}
  constexpr std::uint32_t next() {
    if (used_ == 4) {
      words_ = draw(key_, index_++, stream_);
      used_ = 0;
    }
    return words_[used_++];
  }
  // Below `end` (end > 0), each number equally likely: of the 2^32 words, the first 2^32 mod end in
  // product order are drawn again (Lemire, Fast random integer generation in an interval, 2019).
  constexpr std::uint32_t next_below(std::uint32_t end) {
    const std::uint32_t again = (0u - end) % end;
    for (;;) {
      const std::uint64_t product = std::uint64_t(next()) * end;
      if (std::uint32_t(product) >= again) return std::uint32_t(product >> 32);
    }
  }

 private:
  std::uint64_t key_, stream_, index_ = 0;
  Words words_{};
  std::size_t used_ = 4;
};

// Fisher-Yates: every order of (fewer than 2^32) items equally likely.
template <class T>
constexpr void shuffle(std::span<T> items, std::uint64_t key) {
  Sequence words(key, kShuffles);
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[words.next_below(std::uint32_t(i))]);
  }
}

}  // namespace nodec::philox
