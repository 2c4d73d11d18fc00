// Handwritten-looking digits made on the spot, for when there is no MNIST to be had: each is a few
// pen strokes, slanted, scaled and wobbled at random. Digit i depends on the seed and i alone.
#pragma once

#include <cstdint>

#include "examples/digits/idx.h"

namespace nodec::digits {

inline constexpr std::int64_t kSyntheticCount = 6000;
inline constexpr std::uint64_t kSyntheticSeed = 20240229;

Digits synthetic_digits(std::int64_t count = kSyntheticCount, std::uint64_t seed = kSyntheticSeed);

}  // namespace nodec::digits
