// Choosing the training set. Downloads are tried with file:// addresses, so without a network.
#include "examples/digits/dataset.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "compiler/nodec.h"
#include "examples/digits/sha256.h"
#include "tests/examples/digits/idx_files.h"
#include "tests/temporary_folder.h"

using namespace nodec;
using namespace nodec::digits;

namespace {

const std::string images = gzip(idx_images(20)), labels = gzip(idx_labels(20));

void put_set(const TemporaryFolder& folder) {
  folder.file("train-images-idx3-ubyte.gz", images);
  folder.file("train-labels-idx1-ubyte.gz", labels);
}

Places places_with(const std::filesystem::path& cache, const std::vector<std::string>& mirrors) {
  return {.chosen = std::nullopt,
          .cache = cache,
          .mirrors = mirrors,
          .files = {{"train-images-idx3-ubyte.gz", sha256(images)},
                    {"train-labels-idx1-ubyte.gz", sha256(labels)}}};
}

std::string address(const TemporaryFolder& folder) {
  return "file://" + folder.path().string() + "/";
}

struct Heard {
  std::vector<std::string> lines;
  Say say() {
    return [this](const std::string& line) { lines.push_back(line); };
  }
};

std::size_t file_count(const std::filesystem::path& folder) {
  return std::size_t(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("sha256 agrees with the standard's examples") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a folder that was named is taken, and must hold as many images as asked for") {
  TemporaryFolder folder;
  put_set(folder);
  Heard heard;
  const Dataset set = load_dataset(folder.path(), 12, Places{}, heard.say());
  CHECK(set.digits.count() == 12);
  CHECK(folder.without_path(set.source) == "12 MNIST images from 'DIR'");
  CHECK(heard.lines.empty());
  try {
    load_dataset(folder.path(), 21, Places{}, heard.say());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(folder.without_path(error.what()) ==
          "error: wanted the first 21 images, 'DIR' holds 20\n"
          "  help: leave --limit out, or give at most 20");
  }
}

TEST_CASE("auto takes the chosen folder, and its damage is an error rather than another source") {
  TemporaryFolder good, cache;
  put_set(good);
  put_set(cache);
  Heard heard;
  Places places = places_with(cache.path(), {});
  places.chosen = good.path();
  CHECK(good.without_path(load_dataset("auto", kAll, places, heard.say()).source) ==
        "20 MNIST images from 'DIR'");
  places.chosen = good.path() / "none";
  CHECK_THROWS_AS(load_dataset("auto", kAll, places, heard.say()), Error);
}

TEST_CASE("auto takes the cache, else downloads into it, once") {
  TemporaryFolder mirror, parent;
  put_set(mirror);
  const auto cache = parent.path() / "a" / "b";
  Heard heard;
  const Places places = places_with(cache, {address(mirror)});
  CHECK(load_dataset("auto", kAll, places, heard.say()).digits.count() == 20);
  CHECK(heard.lines.empty());
  CHECK(file_count(cache) == 2);
  std::filesystem::remove_all(mirror.path());
  CHECK(load_dataset("auto", kAll, places, heard.say()).digits.count() == 20);
}

TEST_CASE("a download with another checksum is thrown away, and the next mirror is tried") {
  TemporaryFolder bad, good, cache;
  bad.file("train-images-idx3-ubyte.gz", "<html>gone</html>");
  put_set(good);
  Heard heard;
  const Places places = places_with(cache.path(), {address(bad), address(good)});
  CHECK(load_dataset("auto", kAll, places, heard.say()).digits.count() == 20);
  REQUIRE(heard.lines.size() == 1);
  CHECK(bad.without_path(heard.lines[0]) ==
        "no train-images-idx3-ubyte.gz from file://DIR/: wanted SHA-256 " + sha256(images) +
            ", got " + sha256("<html>gone</html>"));
  CHECK(file_count(cache.path()) == 2);
}

TEST_CASE("a damaged cache is mended by a download") {
  TemporaryFolder mirror, cache;
  put_set(mirror);
  put_set(cache);
  cache.file("train-images-idx3-ubyte.gz", images.substr(0, images.size() / 2));
  Heard heard;
  const Places places = places_with(cache.path(), {address(mirror)});
  CHECK(load_dataset("auto", kAll, places, heard.say()).digits.count() == 20);
  CHECK(heard.lines.size() == 1);
}

TEST_CASE("with nothing to be had, digits are drawn, and it says so") {
  TemporaryFolder mirror, cache;
  Heard heard;
  const Places places = places_with(cache.path(), {address(mirror)});
  const Dataset set = load_dataset("auto", 30, places, heard.say());
  CHECK(set.source == "30 synthetic digits");
  REQUIRE(heard.lines.size() == 2);
  CHECK(mirror.without_path(heard.lines[0]) ==
        "no train-images-idx3-ubyte.gz from file://DIR/: curl ended with status 37");
  CHECK(heard.lines[1] ==
        "no MNIST to be had, so digits are drawn instead; --data FOLDER names files of your own");
  CHECK(file_count(cache.path()) == 0);
  CHECK(load_dataset("auto", 7, places_with("/proc/none", {}), heard.say()).digits.count() == 7);
  CHECK(heard.lines[2] == "cannot keep a download in '/proc/none'");
}
