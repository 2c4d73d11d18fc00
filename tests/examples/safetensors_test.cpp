// Saved parameters: the exact bytes, and what happens when they cannot be written.
#include "examples/mnist/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>

#include "compiler/nodec.h"
#include "tests/examples/temporary_folder.h"

using namespace nodec;
using namespace nodec::mnist;

namespace {

const std::vector<float> weight = {1, 2, 3, 4, 5, 6}, bias = {-1, 0.5f};
const std::vector<NamedArray> arrays = {{"dense.weight", {2, 3}, weight},
                                        {"dense.bias", {2}, bias}};

std::string message(const TemporaryFolder& folder, const std::filesystem::path& path) {
  try {
    write_safetensors(path, arrays);
  } catch (const Error& error) {
    return folder.without_path(error.message());
  }
  return "no error";
}

}  // namespace

TEST_CASE("a file is length, header, data") {
  TemporaryFolder folder;
  const auto path = folder.file("saved", "older");
  write_safetensors(path, arrays);
  const std::string bytes = read_file(path);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  const std::string header =
      R"({"dense.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("dense.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}})";
  CHECK(bytes.substr(8, header.size()) == header);
  REQUIRE(bytes.size() == 8 + length + 32);
  CHECK(std::memcmp(bytes.data() + 8 + length, weight.data(), 24) == 0);
  CHECK(std::memcmp(bytes.data() + 8 + length + 24, bias.data(), 8) == 0);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("what cannot be written says why and leaves nothing behind") {
  TemporaryFolder folder;
  CHECK(message(folder, folder.path() / "none" / "saved") ==
        "cannot write 'DIR/none/saved': No such file or directory");
  CHECK(message(folder, folder.path()) == "cannot write 'DIR': Is a directory");
  CHECK(message(folder, "/dev/full") == "cannot write '/dev/full': it is not a file");
  CHECK_THROWS_AS(check_writable(folder.path() / "none" / "saved"), Error);
  check_writable(folder.path() / "saved");
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a link is written through") {
  TemporaryFolder folder;
  const auto real = folder.file("real", "older");
  std::filesystem::create_symlink(real, folder.path() / "link");
  write_safetensors(folder.path() / "link", arrays);
  CHECK(std::filesystem::is_symlink(folder.path() / "link"));
  CHECK(read_file(real).size() > 32);
}
