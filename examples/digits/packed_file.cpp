// Inflating, member by member.
#include "examples/digits/packed_file.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "compiler/nodec.h"

namespace nodec::digits {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPart = 1 << 17;  // bytes read at a time

}  // namespace

struct PackedFile::Stream {
  explicit Stream(const fs::path& place) : path(place), file(place), buffer(kPart) {
    if (!file.trouble().empty()) {
      throw Error(fmt::format("cannot open '{}': {}", path.string(), file.trouble()), {},
                  "name a folder with readable files with --data");
    }
    fill();
    packed = starts_member();
    if (packed && inflateInit2(&z, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~Stream() {
    if (packed) inflateEnd(&z);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // More of the file behind what is left of the buffer. False: there is no more.
  bool fill() {
    std::copy_n(z.next_in, z.avail_in, buffer.data());
    const std::size_t got = file.read(buffer.data() + z.avail_in, buffer.size() - z.avail_in);
    if (!file.trouble().empty()) fail(file.trouble());
    z.next_in = buffer.data();
    z.avail_in += static_cast<uInt>(got);
    return got > 0;
  }

  bool starts_member() const {
    return z.avail_in >= 2 && z.next_in[0] == 0x1f && z.next_in[1] == 0x8b;
  }

  // The next member, or the end of the file.
  void next_member() {
    if (z.avail_in < 2) fill();
    ended = z.avail_in == 0;
    if (ended) return;
    if (!starts_member()) refuse("has bytes behind the end of its gzip stream that are none of it");
    inflateReset(&z);
  }

  std::size_t unpack(std::uint8_t* to, std::size_t size) {
    z.next_out = to;
    z.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1 << 24));
    while (!ended && z.next_out == to) {
      if (z.avail_in == 0 && !fill()) {
        ended = stopped_short = true;
        break;
      }
      const int code = inflate(&z, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        next_member();
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        fail(z.msg != nullptr ? z.msg : "damaged gzip data");
      }
    }
    return std::size_t(z.next_out - to);
  }

  std::size_t copy(std::uint8_t* to, std::size_t size) {
    if (z.avail_in == 0) fill();
    const std::size_t part = std::min<std::size_t>(size, z.avail_in);
    std::copy_n(z.next_in, part, to);
    z.next_in += part;
    z.avail_in -= static_cast<uInt>(part);
    return part;
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(fmt::format("cannot read '{}': {}", path.string(), why), {}, kFetchAgain);
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(fmt::format("'{}' {}", path.string(), what), {}, kFetchAgain);
  }

  fs::path path;
  PlainFile file;
  std::vector<std::uint8_t> buffer;
  z_stream z{};
  bool packed = false, ended = false, stopped_short = false;
};

PackedFile::PackedFile(const fs::path& path) : stream_(std::make_unique<Stream>(path)) {}
PackedFile::~PackedFile() = default;

bool PackedFile::is_packed() const { return stream_->packed; }
bool PackedFile::stopped_short() const { return stream_->stopped_short; }

std::size_t PackedFile::read(std::uint8_t* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const std::size_t left = size - done;
    const std::size_t got =
        stream_->packed ? stream_->unpack(to + done, left) : stream_->copy(to + done, left);
    if (got == 0) break;
    done += got;
  }
  return done;
}

std::uint64_t PackedFile::announced_size() const {
  const std::uint64_t size = stream_->file.size();
  if (!stream_->packed || size < 4) return size;
  std::array<std::uint8_t, 4> b{};
  if (pread(stream_->file.descriptor(), b.data(), b.size(), off_t(size - b.size())) != 4) return 0;
  return std::uint64_t{b[3]} << 24 | std::uint64_t{b[2]} << 16 | std::uint64_t{b[1]} << 8 | b[0];
}

}  // namespace nodec::digits
