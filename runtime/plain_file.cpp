// Opening without waiting, and reading without a stream's buffer.
#include "runtime/plain_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace nodec {
namespace {

std::string kind(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a folder";
  if (S_ISFIFO(mode)) return "it is a pipe, not a plain file";
  return "it is a device or a socket, not a plain file";
}

// The first bytes, as many as are wanted; nothing when they cannot be read.
std::optional<std::string> first_bytes(PlainFile& file, std::uint64_t size) {
  if (!file.trouble().empty()) return std::nullopt;
  std::string bytes(std::size_t(size), '\0');
  if (file.read(bytes.data(), bytes.size()) != bytes.size()) return std::nullopt;
  return bytes;
}

}  // namespace

PlainFile::PlainFile(const std::filesystem::path& path)
    : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
  struct stat status;
  if (fd_ < 0 || fstat(fd_, &status) != 0) {
    trouble_ = std::generic_category().message(errno);
  } else if (!S_ISREG(status.st_mode)) {
    trouble_ = kind(status.st_mode);
  } else {
    size_ = std::uint64_t(status.st_size);
  }
}

PlainFile::~PlainFile() {
  if (fd_ >= 0) close(fd_);
}

std::size_t PlainFile::read(void* to, std::size_t size) {
  std::size_t done = 0;
  while (trouble_.empty() && done < size) {
    const ssize_t got = ::read(fd_, static_cast<char*>(to) + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) trouble_ = std::generic_category().message(errno);
    if (got <= 0) break;
    done += std::size_t(got);
  }
  return done;
}

std::optional<std::string> read_start(const std::filesystem::path& path, std::uint64_t most) {
  PlainFile file(path);
  return first_bytes(file, std::min(most, file.size()));
}

std::optional<std::string> read_whole(const std::filesystem::path& path, std::uint64_t most) {
  PlainFile file(path);
  if (file.size() > most) return std::nullopt;
  return first_bytes(file, file.size());
}

}  // namespace nodec
