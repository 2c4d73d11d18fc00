// Reading pictures. PNG (ISO/IEC 15948): a mark, then chunks of length, name, data and checksum;
// IDAT chunks together are one zlib stream of rows, each behind the number of its filter.
#include "examples/digits/picture.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "examples/digits/file_kind.h"
#include "examples/digits/idx.h"

namespace nodec::digits {
namespace {

constexpr const char* kWanted = "wanted 28x28 pixels of 8-bit grey";

[[noreturn]] void refuse_picture(const std::filesystem::path& path, const std::string& what,
                                 const std::string& help) {
  throw Error(fmt::format("'{}' {}", path.string(), what), {}, help);
}

std::uint32_t word(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::uint8_t(bytes[at + i]);
  return value;
}

struct Png {
  std::uint32_t width = 0, height = 0;
  int depth = 0, colour = 0, interlace = 0;
  std::string packed;

  std::string str() const {
    const char* colours[] = {"grey", "?", "RGB", "palette", "grey and alpha", "?", "RGB and alpha"};
    return fmt::format("{}x{} pixels of {}-bit {}{}", width, height, depth,
                       colour <= 6 ? colours[colour] : "?", interlace != 0 ? ", interlaced" : "");
  }
};

Png read_chunks(const std::filesystem::path& path, const std::string& bytes) {
  Png png;
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t length = word(bytes, at);
    if (length > bytes.size() - at - 12) break;
    const std::string name = bytes.substr(at + 4, 4), data = bytes.substr(at + 8, length);
    const auto sum =
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data() + at + 4), uInt(length + 4));
    if (sum != word(bytes, at + 8 + length)) break;
    at += 12 + length;
    if (name == "IHDR" && length == 13) {
      png.width = word(data, 0), png.height = word(data, 4);
      png.depth = data[8], png.colour = data[9], png.interlace = data[12];
    } else if (name == "IDAT") {
      png.packed += data;
    } else if (name == "IEND") {
      return png;
    }
  }
  refuse_picture(path, "is a damaged PNG picture", "save it again");
}

std::uint8_t paeth(int left, int above, int corner) {
  const int p = left + above - corner;
  const int a = std::abs(p - left), b = std::abs(p - above), c = std::abs(p - corner);
  return std::uint8_t(a <= b && a <= c ? left : b <= c ? above : corner);
}

// Undoes the filters of `rows`, each of a filter's number and 28 bytes, into pixels.
bool unfilter(const std::vector<std::uint8_t>& rows, std::uint8_t* pixels) {
  for (std::int64_t y = 0; y < kSide; ++y) {
    const std::uint8_t* row = rows.data() + y * (kSide + 1);
    for (std::int64_t x = 0; x < kSide; ++x) {
      std::uint8_t* out = pixels + y * kSide + x;
      const int left = x > 0 ? out[-1] : 0, above = y > 0 ? out[-kSide] : 0;
      const int corner = x > 0 && y > 0 ? out[-kSide - 1] : 0;
      const int guesses[] = {0, left, above, (left + above) / 2, paeth(left, above, corner)};
      if (row[0] > 4) return false;
      *out = std::uint8_t(row[1 + x] + guesses[row[0]]);
    }
  }
  return true;
}

Tensor read_png(const std::filesystem::path& path, const std::string& bytes) {
  const Png png = read_chunks(path, bytes);
  if (png.width != kSide || png.height != kSide || png.depth != 8 || png.colour != 0 ||
      png.interlace != 0) {
    refuse_picture(path, fmt::format("is a PNG of {}: {}", png.str(), kWanted),
                   "convert it: magick IN -resize 28x28! -colorspace gray -depth 8 OUT.png");
  }
  std::vector<std::uint8_t> rows(std::size_t(kSide * (kSide + 1)));
  uLongf size = rows.size();
  const int status =
      uncompress(rows.data(), &size, reinterpret_cast<const Bytef*>(png.packed.data()),
                 uLong(png.packed.size()));
  Tensor pixels(Dtype::U8, {1, kPixels});
  if (status != Z_OK || size != rows.size() ||
      !unfilter(rows, pixels.values<std::uint8_t>().data())) {
    refuse_picture(path, "is a damaged PNG picture", "save it again");
  }
  return pixels;
}

// [28, 28], [n, 28, 28] or [n, 784] of bytes.
Tensor as_pictures(const std::filesystem::path& path, const TensorView& array) {
  const std::int64_t count = array.dims.empty() ? 0 : array.count() / kPixels;
  const auto is = [&](std::vector<std::int64_t> dims) {
    return std::vector(array.dims.begin(), array.dims.end()) == dims;
  };
  if (array.dtype != Dtype::U8 || count == 0 ||
      !(is({kSide, kSide}) || is({count, kSide, kSide}) || is({count, kPixels}))) {
    refuse_picture(path, fmt::format("holds {}: wanted u8[n, 28, 28]", array.type()),
                   array.dtype == Dtype::U8
                       ? "give one image or more, each of 28x28 pixels"
                       : "save images as bytes, white on black: (255 * x).astype('uint8')");
  }
  Tensor pictures(Dtype::U8, {count, kPixels});
  std::memcpy(pictures.data(), array.data, array.bytes());
  return pictures;
}

std::vector<double> probabilities(std::span<const double> outputs) {
  const double most = *std::ranges::max_element(outputs);
  double all = 0;
  for (const double x : outputs) all += std::exp(x - most);
  std::vector<double> shares;
  for (const double x : outputs) shares.push_back(std::exp(x - most) / all);
  return shares;
}

std::string named_digit(std::span<const double> outputs, bool json) {
  std::vector<double> shares = probabilities(outputs);
  const auto most = std::ranges::max_element(shares) - shares.begin();
  if (json) {
    for (double& share : shares) share = std::round(1e6 * share) / 1e6;
    return nlohmann::ordered_json{{"class", most}, {"probabilities", shares}}.dump();
  }
  std::string line = fmt::format("{} ", most);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    line += fmt::format("  {}: {:.1f}%", i, 100 * shares[i]);
  }
  return line;
}

}  // namespace

std::vector<std::string> named_digits(const Tensor& outputs, bool json) {
  std::vector<double> all;
  if (outputs.dtype() == Dtype::F32) {
    all.assign(outputs.values<float>().begin(), outputs.values<float>().end());
  } else {
    all.assign(outputs.values<double>().begin(), outputs.values<double>().end());
  }
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < all.size(); at += std::size_t(kClasses)) {
    lines.push_back(named_digit(std::span(all).subspan(at, std::size_t(kClasses)), json));
  }
  return lines;
}

Tensor read_pictures(const std::filesystem::path& path) {
  constexpr std::uint64_t kLongest = std::uint64_t{1} << 30;
  PlainFile file(path);
  if (!file.trouble().empty()) {
    refuse_picture(path, "cannot be read: " + file.trouble(), "name a .png, .npy or IDX file");
  }
  const std::string start = read_start(path, 512).value_or("");
  if (start.starts_with("\x89PNG\r\n\x1a\n"))
    return read_png(path, read_whole(path, kLongest).value_or(""));
  if (start.starts_with("\x93NUMPY")) return as_pictures(path, read_npy(path));
  if (start.starts_with(std::string_view("\0\0\x08", 3))) {
    return as_pictures(path, nn::Table::idx(path).view());
  }
  const std::string kind = start.empty() ? "empty" : file_kind(start);
  const bool packed = start.starts_with("\x1f\x8b");
  refuse_picture(
      path,
      fmt::format("is {}: wanted a .png, .npy or IDX file of digits",
                  kind.empty() ? "none that can be told" : kind),
      packed ? fmt::format("unpack it: gunzip --keep '{}'", path.string()) : "name another file");
}

}  // namespace nodec::digits
