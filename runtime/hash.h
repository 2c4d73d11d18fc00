// A 128-bit hash of contents, for cache keys and checksums. Not cryptographic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nodec {

struct Hash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Hash&) const = default;
  std::string str() const;                    // 32 hexadecimal digits
  static Hash read(std::string_view digits);  // the inverse; anything for another text
};

Hash hash(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace nodec
