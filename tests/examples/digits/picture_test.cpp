// Pictures of digits from PNG, NumPy and IDX; what is none is told what it is.
#include "examples/digits/picture.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <cmath>
#include <functional>

#include "examples/digits/idx.h"
#include "tests/temporary_folder.h"

using namespace nodec;
using namespace nodec::digits;

namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += char(value >> shift);
  return bytes;
}

std::string chunk(const std::string& name, const std::string& data) {
  const std::string named = name + data;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(named.data()), uInt(named.size()));
  return big_endian(std::uint32_t(data.size())) + named + big_endian(std::uint32_t(sum));
}

// A picture of these rows, each with its filter's number in front.
std::string png(std::uint32_t side, int depth, int colour, const std::string& rows) {
  std::string packed(compressBound(uLong(rows.size())), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size,
           reinterpret_cast<const Bytef*>(rows.data()), uLong(rows.size()));
  packed.resize(size);
  const std::string head =
      big_endian(side) + big_endian(side) + char(depth) + char(colour) + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", head) + chunk("IDAT", packed.substr(0, 5)) +
         chunk("IDAT", packed.substr(5)) + chunk("IEND", "");
}

std::string said(const TemporaryFolder& folder, const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return folder.without_path(error.what());
  }
  return "no error";
}

}  // namespace

TEST_CASE("a PNG picture is read, whatever filters its rows have") {
  const TemporaryFolder folder;
  // Pixel (x, y) is 3 x + 5 y + x y, modulo 256, and each row is filtered in another way.
  const auto pixel = [](int x, int y) {
    return x < 0 || y < 0 ? 0 : (3 * x + 5 * y + x * y) & 255;
  };
  std::string rows;
  for (int y = 0; y < 28; ++y) {
    const int filter = y % 5;
    rows += char(filter);
    for (int x = 0; x < 28; ++x) {
      const int left = pixel(x - 1, y), above = pixel(x, y - 1), corner = pixel(x - 1, y - 1);
      const int p = left + above - corner;
      const int a = std::abs(p - left), b = std::abs(p - above), c = std::abs(p - corner);
      const int guesses[] = {0, left, above, (left + above) / 2,
                             a <= b && a <= c ? left
                             : b <= c         ? above
                                              : corner};
      rows += char(pixel(x, y) - guesses[filter]);
    }
  }
  const Tensor read = read_pictures(folder.file("p.png", png(28, 8, 0, rows)));
  CHECK(read.view().type() == "u8[1, 784]");
  int wrong = 0;
  for (int i = 0; i < 784; ++i) {
    wrong += read.values<std::uint8_t>()[std::size_t(i)] != pixel(i % 28, i / 28);
  }
  CHECK(wrong == 0);
}

TEST_CASE("a PNG that is not 28x28 grey is told what it is") {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& bytes) {
    return said(folder, [&] { read_pictures(folder.file("p", bytes)); });
  };
  CHECK(refusal(png(32, 8, 0, "")) ==
        R"(error: 'DIR/p' is a PNG of 32x32 pixels of 8-bit grey: wanted 28x28 pixels of 8-bit grey
  help: convert it: magick IN -resize 28x28! -colorspace gray -depth 8 OUT.png)");
  CHECK(
      refusal(png(28, 16, 6, ""))
          .starts_with("error: 'DIR/p' is a PNG of 28x28 pixels of 16-bit RGB and alpha: wanted"));
  const std::string damaged = "error: 'DIR/p' is a damaged PNG picture\n  help: save it again";
  CHECK(refusal(png(28, 8, 0, "short")) == damaged);
  CHECK(refusal("\x89PNG\r\n\x1a\n") == damaged);
  CHECK(refusal(png(28, 8, 0, std::string(28 * 29, '\7'))) == damaged);
}

TEST_CASE("arrays of images are read from NumPy's and MNIST's files") {
  const TemporaryFolder folder;
  for (const std::vector<std::int64_t>& dims :
       {std::vector<std::int64_t>{28, 28}, {2, 28, 28}, {3, 784}}) {
    Tensor images(Dtype::U8, dims);
    images.values<std::uint8_t>()[5] = 7;
    write_npy(folder / "x.npy", images);
    const Tensor read = read_pictures(folder / "x.npy");
    CHECK(read.dims() == std::vector<std::int64_t>{images.count() / 784, 784});
    CHECK(read.values<std::uint8_t>()[5] == 7);
  }
  write_npy(folder / "x.npy", Tensor(Dtype::F32, {28, 28}));
  CHECK(said(folder, [&] { read_pictures(folder / "x.npy"); }) ==
        R"(error: 'DIR/x.npy' holds f32[28, 28]: wanted u8[n, 28, 28]
  help: save images as bytes, white on black: (255 * x).astype('uint8'))");
  write_npy(folder / "x.npy", Tensor(Dtype::U8, {27, 28}));
  CHECK(said(folder, [&] { read_pictures(folder / "x.npy"); }) ==
        R"(error: 'DIR/x.npy' holds u8[27, 28]: wanted u8[n, 28, 28]
  help: give one image or more, each of 28x28 pixels)");
  CHECK(said(folder, [&] { read_pictures(folder.file("none", "")); }) ==
        R"(error: 'DIR/none' is empty: wanted a .png, .npy or IDX file of digits
  help: name another file)");
  const std::string idx = std::string("\0\0\x08\x03", 4) + big_endian(1) + big_endian(28) +
                          big_endian(28) + std::string(784, '\x9');
  CHECK(read_pictures(folder.file("x", idx)).values<std::uint8_t>()[783] == 9);
}

TEST_CASE("what is no picture is told what it is") {
  const TemporaryFolder folder;
  CHECK(said(folder, [&] { read_pictures(folder.file("p", "\xff\xd8\xff")); }) ==
        R"(error: 'DIR/p' is a JPEG picture: wanted a .png, .npy or IDX file of digits
  help: name another file)");
  CHECK(said(folder, [&] { read_pictures(folder.file("p.gz", "\x1f\x8b\x08")); }) ==
        R"(error: 'DIR/p.gz' is a gzip file: wanted a .png, .npy or IDX file of digits
  help: unpack it: gunzip --keep 'DIR/p.gz')");
  CHECK(said(folder, [&] { read_pictures(folder / "none"); }) ==
        R"(error: 'DIR/none' cannot be read: No such file or directory
  help: name a .png, .npy or IDX file)");
}

TEST_CASE("what an image is taken for") {
  Tensor outputs(Dtype::F64, {2, 10});
  for (double& x : outputs.values<double>()) x = -50;
  outputs.values<double>()[7] = 3, outputs.values<double>()[9] = 3 + std::log(0.25);
  outputs.values<double>()[10] = 0;
  CHECK(named_digits(outputs, false)[0] ==
        "7   0: 0.0%  1: 0.0%  2: 0.0%  3: 0.0%  4: 0.0%  5: 0.0%  6: 0.0%  7: 80.0%  8: 0.0%  9: "
        "20.0%");
  CHECK(named_digits(outputs, true)[0] ==
        R"({"class":7,"probabilities":[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.8,0.0,0.2]})");
  CHECK(named_digits(outputs, true)[1].starts_with(R"({"class":0,"probabilities":[1.0,)"));
}
