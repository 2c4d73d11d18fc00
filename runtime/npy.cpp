// The format (numpy/lib/format.py): "\x93NUMPY", version, the header's length, the header, a Python
// dictionary of three known keys, then the elements. Sizes are believed only once the file's own
// size agrees with them.
#include "runtime/npy.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>

#include "ir/error.h"
#include "runtime/publish.h"

namespace nodec {
namespace {

constexpr std::string_view kNumpy = "\x93NUMPY";
constexpr std::size_t kLongestHeader = 1 << 16;
constexpr std::size_t kMostAxes = 32;

struct Format {
  std::string_view descr;  // as the header spells it
  Dtype dtype;
};
constexpr std::array kFormats{Format{"|b1", Dtype::Bool}, Format{"|u1", Dtype::U8},
                              Format{"<i4", Dtype::I32},  Format{"<i8", Dtype::I64},
                              Format{"<f4", Dtype::F32},  Format{"<f8", Dtype::F64},
                              Format{"<u8", Dtype::Key}};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what,
                       const std::string& help = {}) {
  throw Error(fmt::format("'{}' {}", path.string(), what), {}, help);
}

// The value of a key: what stands behind "'key':" up to the end of the header.
std::string_view value_of(std::string_view header, std::string_view key,
                          const std::filesystem::path& path) {
  const std::size_t at = header.find(fmt::format("'{}'", key));
  const std::size_t colon = at == std::string_view::npos ? at : header.find(':', at);
  if (colon == std::string_view::npos) fail(path, fmt::format("states no '{}'", key));
  const std::size_t start = header.find_first_not_of(' ', colon + 1);
  return start == std::string_view::npos ? std::string_view() : header.substr(start);
}

Dtype dtype_of_header(std::string_view header, const std::filesystem::path& path) {
  const std::string_view value = value_of(header, "descr", path);
  const std::size_t end = value.empty() ? value.npos : value.find('\'', 1);
  const std::string_view descr = end == value.npos ? value : value.substr(1, end - 1);
  for (const Format& format : kFormats) {
    if (format.descr == descr) return format.dtype;
  }
  fail(path, fmt::format("holds elements of type {}", descr),
       "save it as bool, uint8, int32, int64, float32 or float64, little-endian");
}

std::vector<std::int64_t> dims_of_header(std::string_view header,
                                         const std::filesystem::path& path) {
  std::string_view value = value_of(header, "shape", path);
  if (!value.starts_with('(') || value.find(')') == value.npos) fail(path, "states no shape");
  value = value.substr(1, value.find(')') - 1);
  std::vector<std::int64_t> dims;
  while (true) {
    const std::size_t start = value.find_first_not_of(" ,");
    if (start == value.npos) return dims;
    value.remove_prefix(start);
    std::int64_t dim = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), dim);
    const bool number = error == std::errc() && dim >= 0 && dim < kSizeLimit;
    if (!number || dims.size() == kMostAxes) fail(path, "states a shape that cannot be");
    dims.push_back(dim);
    value.remove_prefix(std::size_t(end - value.data()));
  }
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

std::string read_header(std::ifstream& file, const std::filesystem::path& path) {
  std::array<char, 12> start{};
  file.read(start.data(), 10);
  if (!file || std::string_view(start.data(), kNumpy.size()) != kNumpy) {
    fail(path, "is not a .npy file", "write it with numpy.save");
  }
  const auto byte = [&](std::size_t i) {
    return std::size_t(static_cast<unsigned char>(start[i]));
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) {
    fail(path, fmt::format("is of version {}; versions 1 to 3 can be read", version),
         "write it with numpy.save");
  }
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) {
    file.read(start.data() + 10, 2);
    length |= byte(10) << 16 | byte(11) << 24;
  }
  if (!file || length > kLongestHeader) fail(path, "has a damaged header");
  std::string header(length, '\0');
  file.read(header.data(), std::streamsize(length));
  if (!file) fail(path, "ends inside its header");
  return header;
}

std::string header_for(const TensorView& array) {
  std::string dims, descr;
  for (const std::int64_t dim : array.dims) dims += fmt::format("{}, ", dim);
  if (array.dims.size() > 1) dims.resize(dims.size() - 2);
  if (array.dims.size() == 1) dims.resize(dims.size() - 1);
  for (const Format& format : kFormats) {
    if (format.dtype == array.dtype) descr = format.descr;
  }
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, dims);
  constexpr std::size_t kStart = 10;
  header.append(kAlignment - 1 - (kStart + header.size()) % kAlignment, ' ');
  return header + "\n";
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  std::error_code failed;
  const std::uint64_t size = std::filesystem::file_size(path, failed);
  std::ifstream file(path, std::ios::binary);
  if (failed) fail(path, "cannot be read: " + failed.message());
  if (!file) fail(path, "cannot be read");
  const std::string header = read_header(file, path);
  const Dtype dtype = dtype_of_header(header, path);
  if (value_of(header, "fortran_order", path).starts_with("True")) {
    fail(path, "is stored column by column", "save numpy.ascontiguousarray(array)");
  }
  std::vector<std::int64_t> dims = dims_of_header(header, path);
  const std::uint64_t wanted = byte_count(dims, dtype, path),
                      held = size - std::uint64_t(file.tellg());
  if (held != wanted) {
    fail(path, fmt::format("holds {} bytes of elements where its shape takes {}", held, wanted));
  }
  Tensor array(dtype, std::move(dims));
  file.read(static_cast<char*>(array.data()), std::streamsize(wanted));
  if (!file) fail(path, "cannot be read");
  return array;
}

void write_npy(const std::filesystem::path& path, const TensorView& array) {
  const std::string header = header_for(array);
  const char start[] = {'\x01', '\0', char(header.size() & 0xff), char(header.size() >> 8)};
  const std::string_view elements(static_cast<const char*>(array.data), array.bytes());
  if (publish(path, {kNumpy, {start, sizeof start}, header, elements})) return;
  fail(path, "cannot be written");
}

}  // namespace nodec
