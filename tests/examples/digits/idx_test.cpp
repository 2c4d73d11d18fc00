// The IDX reader: what it reads, and the whole message for each way a file can be wrong.
#include "examples/digits/idx.h"

#include <sys/stat.h>

#include <doctest/doctest.h>

#include <functional>

#include "compiler/nodec.h"
#include "tests/examples/digits/idx_files.h"
#include "tests/temporary_folder.h"

using namespace nodec;
using namespace nodec::digits;

namespace {

std::string error_of(const TemporaryFolder& folder, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return folder.without_path(error.what());
  }
  return "no error";
}

std::string image_error(const std::string& bytes, std::int64_t limit = kAll) {
  TemporaryFolder folder;
  const auto path = folder.file("images", bytes);
  return error_of(folder, [&] { read_images(path, limit); });
}

std::string set_error(const std::string& images, const std::string& labels) {
  TemporaryFolder folder;
  folder.file("train-images-idx3-ubyte", images);
  folder.file("train-labels-idx1-ubyte", labels);
  return error_of(folder, [&] { read_training_set(folder.path()); });
}

const std::string help = "\n  help: fetch the file again, or name another folder with --data";

}  // namespace

TEST_CASE("images and labels are read, plain and gzipped, whole and in part") {
  TemporaryFolder folder;
  folder.file("train-images-idx3-ubyte.gz", gzip(idx_images(30)));
  folder.file("train-labels-idx1-ubyte", idx_labels(30));
  CHECK(holds_training_set(folder.path()));
  for (const std::int64_t limit : {kAll, std::int64_t{30}, std::int64_t{12}, std::int64_t{1}}) {
    const Digits digits = read_training_set(folder.path(), limit);
    const std::int64_t count = std::min<std::int64_t>(limit, 30);
    CHECK(digits.count() == count);
    REQUIRE(digits.pixels.size() == std::size_t(count * kPixels));
    CHECK(digits.pixels.back() == count - 1);
    CHECK(digits.labels.back() == (count - 1) % 10);
    CHECK(reinterpret_cast<std::uintptr_t>(digits.pixels.data()) % 64 == 0);
  }
}

TEST_CASE("a gzip file of two members is read to its end") {
  const std::string bytes = idx_images(3);
  TemporaryFolder folder;
  const auto path = folder.file("images", gzip(bytes.substr(0, 1000)) + gzip(bytes.substr(1000)));
  CHECK(read_images(path).size() == 3 * kPixels);
  CHECK(read_images(path, 2).size() == 2 * kPixels);
}

TEST_CASE("a truncated file names what was announced and what is there") {
  const std::string bytes = idx_images(3), short_by_one = bytes.substr(0, bytes.size() - 1);
  const std::string message =
      "error: 'DIR/images' is truncated: its header announces 3 images, so 2368 bytes; got 2367" +
      help;
  CHECK(image_error(short_by_one) == message);
  CHECK(image_error(short_by_one, 1) == message);
  CHECK(image_error(gzip(short_by_one)) == message);
  CHECK(image_error(gzip(short_by_one), 1) == message);
  CHECK(image_error(bytes.substr(0, 7)) ==
        "error: 'DIR/images' is truncated: wanted a header of 16 bytes, got 7" + help);
  CHECK(image_error("") ==
        "error: 'DIR/images' is truncated: wanted a header of 16 bytes, got 0" + help);
  const std::string packed = gzip(bytes);
  CHECK(image_error(packed.substr(0, packed.size() - 12)).find("so 2368 bytes; got") !=
        std::string::npos);
  CHECK(image_error(packed.substr(0, packed.size() - 9)) ==
        "error: 'DIR/images' is truncated: its gzip stream lacks its end" + help);
}

TEST_CASE("what lies behind a gzip stream is refused") {
  const std::string packed = gzip(idx_images(3));
  const std::string message =
      "error: 'DIR/images' has bytes behind the end of its gzip stream that are none of it" + help;
  for (const std::string& garbage :
       {std::string("x"), std::string("garbage"), std::string(512, '\0'), idx_images(3)}) {
    CHECK(image_error(packed + garbage) == message);
    CHECK(image_error(packed + garbage, 1) == message);
  }
  CHECK(image_error(packed + "\x1f\x8b") ==
        "error: 'DIR/images' is truncated: its gzip stream lacks its end" + help);
}

TEST_CASE("files are found by the names that mirrors give them") {
  TemporaryFolder folder;
  folder.file("train-images.idx3-ubyte", idx_images(3));
  folder.file("train-labels.idx1-ubyte.gz", gzip(idx_labels(3)));
  CHECK(read_training_set(folder.path()).count() == 3);
  TemporaryFolder nested;
  for (const std::string name : {"train-images.idx3-ubyte", "train-labels-idx1-ubyte"}) {
    std::filesystem::create_directory(nested.path() / name);
    nested.file(name + "/" + name,
                name.find("images") != name.npos ? idx_images(3) : idx_labels(3));
  }
  CHECK(read_training_set(nested.path()).count() == 3);
}

TEST_CASE("a file that is too long is refused") {
  const std::string bytes = idx_images(3) + "x";
  CHECK(image_error(bytes) ==
        "error: 'DIR/images' is too long: its header announces 3 images, so 2368 bytes; got at "
        "least 2369" +
            help);
  CHECK(image_error(bytes, 1) == image_error(bytes));
  CHECK(image_error(gzip(bytes)) == image_error(bytes));
  CHECK(image_error(gzip(bytes), 1) == image_error(bytes));
}

TEST_CASE("a header that announces billions of images costs no memory") {
  std::string bytes = idx_images(1);
  bytes.replace(4, 4, "\xff\xff\xff\xff");
  const std::string message =
      "error: 'DIR/images' is truncated: its header announces 4294967295 images, so 3367254359296 "
      "bytes; got 800" +
      help;
  CHECK(image_error(bytes) == message);
  CHECK(image_error(gzip(bytes)) == message);
}

TEST_CASE("damage inside a gzip stream is found by its checksum") {
  std::string packed = gzip(idx_images(3));
  packed[packed.size() - 6] ^= 1;
  CHECK(image_error(packed) == "error: cannot read 'DIR/images': incorrect data check" + help);
}

TEST_CASE("another kind of file is told by its magic") {
  CHECK(image_error(idx_labels(20)) ==
        "error: 'DIR/images' is no IDX file of images: wanted magic 2051, got 2049 (a file of "
        "labels)" +
            help);
  CHECK(image_error("\x89PNG\r\n") ==
        "error: 'DIR/images' is no IDX file of images: wanted magic 2051, got 2303741511 (a PNG "
        "picture)" +
            help);
  const auto kind = [](const std::string& bytes) {
    const std::string message = image_error(bytes);
    const std::size_t open = message.find(" ("), close = message.rfind(')');
    return open == message.npos ? message : message.substr(open + 2, close - open - 2);
  };
  const std::string page = "\n<!DOCTYPE html>\n<html><head><title>404</title></head></html>";
  CHECK(kind(page) == "an HTML page");
  CHECK(kind(gzip(page)) == "an HTML page");
  CHECK(kind("<HTML>not found</HTML>") == "an HTML page");
  CHECK(kind("PK\3\4 a zip file") == "a zip archive");
  CHECK(kind("\x93NUMPY\1") == "a NumPy array");
  CHECK(kind("version https://git-lfs.github.com/spec/v1\n") ==
        "a pointer of Git LFS, not the file it stands for");
  CHECK(kind("Not Found\nsorry") == "text that begins 'Not Found'");
  CHECK(kind(std::string("\0\0\x0d\3 and so on", 14)) == "IDX of f32 in 3 dims");
  CHECK(kind(std::string("\3\x08\0\0 and so on", 14)) == "IDX in the other byte order");
  CHECK(kind(std::string("\1\2\3\4", 4)) ==
        "error: 'DIR/images' is no IDX file of images: wanted magic 2051, got 16909060" + help);
  CHECK(image_error(gzip(gzip(idx_images(3)))) ==
        "error: 'DIR/images' is no IDX file of images: wanted magic 2051, got " +
            std::to_string(0x1f8b0800) + " (gzip in gzip)\n  help: unpack it once with gunzip");
}

TEST_CASE("images of another size are refused") {
  CHECK(image_error(idx_images(2, 32, 28)) ==
        "error: 'DIR/images' holds images of 32x28: wanted 28x28\n"
        "  help: name a folder with MNIST's own files with --data");
  CHECK(image_error(idx_images(0)) == "error: 'DIR/images' holds no images" + help);
}

TEST_CASE("images and labels that do not belong together are refused") {
  CHECK(set_error(idx_images(3), idx_labels(4)) ==
        "error: images and labels do not match: 'DIR/train-images-idx3-ubyte' announces 3, "
        "'DIR/train-labels-idx1-ubyte' announces 4\n"
        "  help: put the two files of one set into the folder");
  std::string labels = idx_labels(3);
  labels.back() = 17;
  CHECK(set_error(idx_images(3), labels) ==
        "error: 'DIR/train-labels-idx1-ubyte' holds label 17 for image 2: wanted 0 to 9" + help);
}

TEST_CASE("a folder without the files says what it lacks") {
  TemporaryFolder folder;
  const std::string help_data =
      "\n  help: name a folder that holds MNIST, or use --data auto or --data synthetic";
  CHECK(error_of(folder, [&] { read_training_set(folder.path() / "none"); }) ==
        "error: no training set in 'DIR/none': wanted train-images-idx3-ubyte or "
        "train-images-idx3-ubyte.gz, there is no such folder" +
            help_data);
  folder.file("train-images-idx3-ubyte", idx_images(3));
  CHECK(error_of(folder, [&] { read_training_set(folder.path()); }) ==
        "error: no training set in 'DIR': wanted train-labels-idx1-ubyte or "
        "train-labels-idx1-ubyte.gz, it has neither" +
            help_data);
  const std::string other = "\n  help: name a folder with readable files with --data";
  mkfifo((folder.path() / "train-labels.idx1-ubyte").c_str(), 0600);
  CHECK(error_of(folder, [&] { read_training_set(folder.path()); }) ==
        "error: cannot open 'DIR/train-labels.idx1-ubyte': it is a pipe, not a plain file" + other);
  CHECK(error_of(folder, [&] { read_images(folder.path() / "none"); }) ==
        "error: cannot open 'DIR/none': No such file or directory" + other);
  CHECK(error_of(folder, [&] { read_images(folder.path()); }) ==
        "error: cannot open 'DIR': it is a folder" + other);
}
