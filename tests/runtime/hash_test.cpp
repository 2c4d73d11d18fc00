// The content hash against values computed with the reference implementation's algorithm.
#include "runtime/hash.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace nodec;

TEST_CASE("the hash is MurmurHash3 x64 128") {
  CHECK(hash("").str() == "00000000000000000000000000000000");
  // Published test values of the reference implementation (seed 0).
  CHECK(hash("hello") == Hash{0xcbd8a7b341bd9b02, 0x5b1e906a48ae1d19});
  CHECK(hash("The quick brown fox jumps over the lazy dog") ==
        Hash{0xe34bbc7bbc071b6c, 0x7a433ca9c49a9347});
}

TEST_CASE("every bit of every byte, the length and the seed change the hash") {
  const std::string text(37, 'a');
  std::set<std::string> seen{hash(text).str(), hash(text, 1).str()};
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << (bit % 8)));
    seen.insert(hash(flipped).str());
  }
  for (std::size_t length = 0; length < text.size(); ++length) {
    seen.insert(hash(std::string_view(text).substr(0, length)).str());
  }
  CHECK(seen.size() == 2 + 37 * 8 + 37);
}
