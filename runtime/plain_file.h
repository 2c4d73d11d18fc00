// Reading files that a user or the environment named. Only plain files are opened: a pipe could
// keep the program waiting and a device could feed it for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace nodec {

class PlainFile {
 public:
  explicit PlainFile(const std::filesystem::path& path);
  ~PlainFile();
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;

  // Why it cannot be read; empty while it can.
  const std::string& trouble() const { return trouble_; }
  std::uint64_t size() const { return size_; }  // when it was opened
  int descriptor() const { return fd_; }
  // The next bytes; fewer at the file's end, or where reading fails.
  std::size_t read(void* to, std::size_t size);

 private:
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::string trouble_;
};

// The first `most` bytes of a plain file; nothing when it cannot be read.
std::optional<std::string> read_start(const std::filesystem::path& path, std::uint64_t most);
// All of a plain file; nothing when it cannot be read or has more than `most` bytes.
std::optional<std::string> read_whole(const std::filesystem::path& path, std::uint64_t most);

}  // namespace nodec
