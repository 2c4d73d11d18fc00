// The counter-based generator against published answers; keys, uniforms, shuffles.
#include "ir/philox.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

using namespace nodec;

namespace {

philox::Words draw(std::uint64_t low, std::uint64_t high, std::uint64_t key) {
  return philox::draw(key, low, high);
}

}  // namespace

// Random123's kat_vectors, philox4x32 with 10 rounds.
TEST_CASE("the published known answers come out") {
  CHECK(draw(0, 0, 0) == philox::Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(draw(~0ull, ~0ull, ~0ull) == philox::Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(draw(0x85a308d3243f6a88, 0x0370734413198a2e, 0x299f31d0a4093822) ==
        philox::Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("uniform numbers reach both ends of [0, 1) and no further") {
  CHECK(philox::uniform_f32(0) == 0.0f);
  CHECK(philox::uniform_f32(~0u) == 1.0f - 0x1p-24f);
  CHECK(philox::uniform_f64(0, 0) == 0.0);
  CHECK(philox::uniform_f64(~0u, ~0u) == 1.0 - 0x1p-53);
}

TEST_CASE("folding gives keys that differ by key and by data") {
  CHECK(philox::fold_in(1, 2) != philox::fold_in(2, 1));
  CHECK(philox::fold_in(1, 2) != philox::fold_in(1, 3));
  CHECK(philox::fold_in(1, 2) == philox::fold_in(1, 2));
}

TEST_CASE("a shuffle keeps the items and is a function of its key") {
  std::vector<int> items(1000), again;
  std::iota(items.begin(), items.end(), 0);
  const std::vector<int> sorted = items;
  again = items;
  philox::shuffle(std::span(items), 7);
  philox::shuffle(std::span(again), 7);
  CHECK(items == again);
  CHECK(items != sorted);
  philox::shuffle(std::span(again), 8);
  CHECK(items != again);
  std::sort(items.begin(), items.end());
  CHECK(items == sorted);
}

TEST_CASE("every order of four items is equally likely") {
  std::map<std::vector<int>, int> seen;
  constexpr int trials = 24000;
  for (int key = 0; key < trials; ++key) {
    std::vector<int> items{0, 1, 2, 3};
    philox::shuffle(std::span(items), std::uint64_t(key));
    ++seen[items];
  }
  CHECK(seen.size() == 24);
  double chi_squared = 0;
  for (const auto& [order, count] : seen) chi_squared += (count - 1000.0) * (count - 1000.0) / 1000;
  CHECK(chi_squared < 60);  // 23 degrees of freedom: 1 in 40000 exceeds 60
}
