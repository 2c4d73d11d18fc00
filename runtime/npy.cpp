// The format (numpy/lib/format.py): "\x93NUMPY", version, the header's length, the header, then the
// elements. Sizes are believed only once the file's own size agrees with them.
#include "runtime/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ir/error.h"
#include "runtime/mapped_file.h"
#include "runtime/npy_header.h"
#include "runtime/plain_file.h"
#include "runtime/publish.h"

namespace nodec {
namespace {

constexpr std::string_view kNumpy = "\x93NUMPY";
constexpr std::size_t kLongestHeader = 1 << 16;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what,
                       const std::string& help = "write it with numpy.save") {
  throw Error(fmt::format("'{}' {}", path.string(), what), {}, help);
}

// The bytes the array takes; an Error when no file could hold them.
std::uint64_t byte_count(const std::vector<std::int64_t>& dims, Dtype dtype,
                         const std::filesystem::path& path) {
  std::uint64_t count = bytes(dtype);
  for (const std::int64_t dim : dims) {
    if (__builtin_mul_overflow(count, std::uint64_t(dim), &count)) {
      fail(path, "states a shape that cannot be");
    }
  }
  return count;
}

// Leaves the file at its first element, `start` bytes from its beginning.
std::string read_header(PlainFile& file, const std::filesystem::path& path, std::uint64_t& start) {
  std::array<char, 12> bytes{};
  if (file.read(bytes.data(), 10) != 10 ||
      std::string_view(bytes.data(), kNumpy.size()) != kNumpy) {
    fail(path, "is not a .npy file", "write it with numpy.save");
  }
  const auto byte = [&](std::size_t i) {
    return std::size_t(static_cast<unsigned char>(bytes[i]));
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) {
    fail(path, fmt::format("is of version {}; versions 1 to 3 can be read", version),
         "write it with numpy.save");
  }
  start = version > 1 ? 12 : 10;
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) {
    if (file.read(bytes.data() + 10, 2) != 2) fail(path, "ends inside its header");
    length |= byte(10) << 16 | byte(11) << 24;
  }
  if (length > kLongestHeader) fail(path, "has a damaged header", "write it with numpy.save");
  std::string header(length, '\0');
  if (file.read(header.data(), length) != length) fail(path, "ends inside its header");
  start += length;
  return header;
}

struct NpyPlace {
  NpyHeader header;
  std::uint64_t start = 0;  // of the first element, in bytes
};

NpyPlace open_npy(PlainFile& file, const std::filesystem::path& path) {
  if (!file.trouble().empty()) {
    fail(path, "cannot be read: " + file.trouble(), "give a file that numpy.save wrote");
  }
  NpyPlace place;
  try {
    place.header = read_npy_header(read_header(file, path, place.start));
  } catch (const NpyFault& fault) {
    fail(path, fault.what(), fault.help);
  }
  if (place.header.by_columns) {
    fail(path, "is stored column by column", "save numpy.ascontiguousarray(array)");
  }
  const std::uint64_t wanted = byte_count(place.header.dims, place.header.dtype, path),
                      held = file.size() - std::min(file.size(), place.start);
  if (held != wanted) {
    fail(path, fmt::format("holds {} bytes of elements where its shape takes {}", held, wanted));
  }
  return place;
}

std::string header_for(const TensorView& array) {
  std::string header = npy_header(array.dtype, {array.dims.begin(), array.dims.end()});
  constexpr std::size_t kStart = 10;
  header.append(kAlignment - 1 - (kStart + header.size()) % kAlignment, ' ');
  return header + "\n";
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  PlainFile file(path);
  NpyPlace place = open_npy(file, path);
  Tensor array(place.header.dtype, std::move(place.header.dims));
  if (file.read(array.data(), array.bytes()) != array.bytes()) {
    fail(path,
         "cannot be read: " + (file.trouble().empty() ? "it became shorter" : file.trouble()));
  }
  check_booleans(array, path);
  return array;
}

Tensor map_npy(const std::filesystem::path& path, std::shared_ptr<const void>& keeps) {
  PlainFile file(path);
  NpyPlace place = open_npy(file, path);
  Tensor array = array_in_file(file, path, place.start, place.header.dtype,
                               std::move(place.header.dims), keeps);
  check_booleans(array, path);
  return array;
}

void write_npy(const std::filesystem::path& path, const TensorView& array) {
  if (array.data == nullptr && array.bytes() > 0) {
    throw Error(fmt::format("cannot write '{}': the tensor has no bytes", path.string()), {},
                "write the one it was moved to");
  }
  const std::string header = header_for(array);
  const char start[] = {'\x01', '\0', char(header.size() & 0xff), char(header.size() >> 8)};
  const std::string_view elements(static_cast<const char*>(array.data), array.bytes());
  const std::string trouble = publish(path, {kNumpy, {start, sizeof start}, header, elements});
  if (trouble.empty()) return;
  throw Error(fmt::format("cannot write '{}': {}", path.string(), trouble), {},
              "name a file in a folder that can be written and has room");
}

}  // namespace nodec
