// MurmurHash3, the x64 128-bit variant (Austin Appleby, public domain), for little-endian hosts.
#include "runtime/hash.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace nodec {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t c1 = 0x87c37b91114253d5, c2 = 0x4cf5ad432745937f;

std::uint64_t mix_low(std::uint64_t k) { return std::rotl(k * c1, 31) * c2; }
std::uint64_t mix_high(std::uint64_t k) { return std::rotl(k * c2, 33) * c1; }

std::uint64_t avalanche(std::uint64_t k) {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
  return k ^ (k >> 33);
}

}  // namespace

std::string Hash::str() const { return fmt::format("{:016x}{:016x}", high, low); }

Hash Hash::read(std::string_view digits) {
  Hash hash;
  for (const auto& [half, at] : {std::pair(&hash.high, 0), std::pair(&hash.low, 16)}) {
    const std::string_view part = digits.substr(std::min<std::size_t>(digits.size(), at), 16);
    std::from_chars(part.begin(), part.end(), *half, 16);
  }
  return hash;
}

Hash hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t h1 = seed, h2 = seed;
  std::size_t at = 0;
  std::uint64_t word[2];
  for (; at + 16 <= bytes.size(); at += 16) {
    std::memcpy(word, bytes.data() + at, 16);
    h1 = (std::rotl(h1 ^ mix_low(word[0]), 27) + h2) * 5 + 0x52dce729;
    h2 = (std::rotl(h2 ^ mix_high(word[1]), 31) + h1) * 5 + 0x38495ab5;
  }
  std::memset(word, 0, 16);
  std::memcpy(word, bytes.data() + at, bytes.size() - at);
  h1 ^= mix_low(word[0]) ^ bytes.size();
  h2 ^= mix_high(word[1]) ^ bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h1 += h2;
  return {h1, h2 + h1};
}

}  // namespace nodec
