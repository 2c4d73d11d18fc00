// A file's content, unpacked where it is gzipped: by its first bytes, whatever it is called.
//
// zlib's own gzread would do, but that it passes over whatever lies behind a gzip stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace nodec::digits {

inline constexpr const char* kFetchAgain =
    "fetch the file again, or name another folder with --data";

class PackedFile {
 public:
  // Error when it cannot be opened.
  explicit PackedFile(const std::filesystem::path& path);
  ~PackedFile();

  bool is_packed() const;
  // Up to `size` bytes; fewer at the end. Error where a gzip stream is damaged, or has something
  // else behind it.
  std::size_t read(std::uint8_t* to, std::size_t size);
  // Whether the end that a read met was that of a gzip stream which lacks its own.
  bool stopped_short() const;
  // The size of the content without reading it all: a plain file's, or what a gzip file's last
  // word says (the size modulo 2^32 of its last member).
  std::uint64_t announced_size() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace nodec::digits
