// IDX files made for the tests, whole or damaged.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

namespace nodec::digits {

inline std::string big_endian_word(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += char(value >> shift & 0xff);
  return bytes;
}

// Image i is filled with the byte i, label i is i % 10.
inline std::string idx_images(std::uint32_t count, std::uint32_t rows = 28,
                              std::uint32_t columns = 28) {
  std::string bytes = big_endian_word(2051) + big_endian_word(count) + big_endian_word(rows) +
                      big_endian_word(columns);
  for (std::uint32_t i = 0; i < count; ++i) bytes.append(rows * columns, char(i));
  return bytes;
}

inline std::string idx_labels(std::uint32_t count) {
  std::string bytes = big_endian_word(2049) + big_endian_word(count);
  for (std::uint32_t i = 0; i < count; ++i) bytes += char(i % 10);
  return bytes;
}

inline std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace nodec::digits
