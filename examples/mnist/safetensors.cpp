// The format: a little-endian 64-bit length, a JSON header of that length (padded with spaces so
// that the data begin at a multiple of 8), then the arrays, row-major and back to back. Each header
// entry gives dtype, shape and the byte range within the data.
#include "examples/mnist/safetensors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "compiler/nodec.h"

namespace nodec::mnist {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, int code) {
  throw Error(fmt::format("cannot write '{}': {}", path.string(), std::strerror(code)), {},
              "give --save a file in a folder that can be written and has room");
}

std::string header(const std::vector<NamedArray>& arrays) {
  nlohmann::ordered_json entries;
  std::size_t offset = 0;
  for (const NamedArray& array : arrays) {
    const std::size_t end = offset + array.values.size_bytes();
    entries[array.name] = {
        {"dtype", "F32"}, {"shape", array.dims}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = entries.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// Where a rename must go: through links, and never over a folder or a device.
fs::path target(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) fail(path, EISDIR);
  if (!fs::exists(status)) return path;
  if (!fs::is_regular_file(status)) {
    throw Error(fmt::format("cannot write '{}': it is not a file", path.string()));
  }
  const fs::path real = fs::canonical(path, ignored);
  return ignored ? path : real;
}

// A new file beside the wanted one; removed again unless it is published.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& path)
      : path_(target(path)), temporary_(path_.string() + fmt::format(".{}.part", getpid())) {
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd_ < 0) fail(path_, errno);
  }
  ~TemporaryFile() {
    if (fd_ >= 0) close(fd_);
    if (!published_) unlink(temporary_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(const void* data, std::size_t size) {
    const char* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t done = ::write(fd_, bytes, size);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail(path_, errno);
      bytes += done, size -= static_cast<std::size_t>(done);
    }
  }

  void publish() {
    if (fsync(fd_) != 0) fail(path_, errno);
    const int closed = close(fd_);
    fd_ = -1;
    if (closed != 0 || rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, errno);
    published_ = true;
  }

 private:
  fs::path path_;
  std::string temporary_;
  int fd_ = -1;
  bool published_ = false;
};

}  // namespace

void check_writable(const fs::path& path) { TemporaryFile probe(path); }

void write_safetensors(const fs::path& path, const std::vector<NamedArray>& arrays) {
  const std::string text = header(arrays);
  std::string length;
  for (int shift = 0; shift < 64; shift += 8) length += static_cast<char>(text.size() >> shift);
  TemporaryFile file(path);
  file.write(length.data(), length.size());
  file.write(text.data(), text.size());
  for (const NamedArray& array : arrays) file.write(array.values.data(), array.values.size_bytes());
  file.publish();
}

}  // namespace nodec::mnist
