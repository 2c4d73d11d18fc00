// Saved arrays: the exact bytes, and what happens when they cannot be written.
#include "runtime/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>

#include "tests/temporary_folder.h"

using namespace nodec;

namespace {

const Tensor weight = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}),
             bias = Tensor::of<float>({2}, {-1, 0.5f});
const std::vector<NamedView> arrays = {{"dense.weight", weight}, {"dense.bias", bias}};

std::string said(const TemporaryFolder& folder, const std::function<void()>& does) {
  try {
    does();
  } catch (const Error& error) {
    return folder.without_path(error.message());
  }
  return "no error";
}

std::string message(const TemporaryFolder& folder, const std::filesystem::path& path) {
  return said(folder, [&] { write_safetensors(path, arrays); });
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
  CHECK(message(folder, "/dev/full") == "cannot write '/dev/full': No space left on device");
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("names and words that are not UTF-8 are refused, and the older file stays") {
  TemporaryFolder folder;
  const auto path = folder.file("saved", "older");
  const std::vector<NamedView> odd = {{"\xff", arrays[0].array}, {"fine", arrays[1].array}};
  CHECK(said(folder, [&] {
          write_safetensors(path, odd, {{"key", "\xc3"}});
        }) == "a safetensors file has names and words in UTF-8, got '\xff', '\xc3'");
  CHECK(read_file(path) == "older");
}

TEST_CASE("an array without bytes is refused by name, and the older file stays") {
  TemporaryFolder folder;
  const auto path = folder.file("saved", "older");
  Tensor given = Tensor::of<float>({2}, {1, 2});
  const Tensor taken = std::move(given);
  CHECK(said(folder, [&] {
          write_safetensors(path, {{"taken", taken}, {"given", given}});
        }) == "cannot write 'DIR/saved': 'given' has no bytes");
  CHECK(read_file(path) == "older");
}

TEST_CASE("names and headers that no reader takes are refused, and the older file stays") {
  TemporaryFolder folder;
  const auto path = folder.file("saved", "older");
  const auto refused = [&](const std::vector<NamedView>& given, const Metadata& words = {}) {
    try {
      write_safetensors(path, given, words);
    } catch (const Error& error) {
      return folder.without_path(error.what());
    }
    return std::string("no error");
  };
  CHECK(refused({{"w", weight}, {"b", bias}, {"w", bias}}) ==
        "error: cannot write 'DIR/saved': two arrays are named 'w'\n"
        "  help: give each a name of its own");
  CHECK(refused({{"w", weight}, {"__metadata__", bias}}) ==
        "error: cannot write 'DIR/saved': an array is named '__metadata__', which is the place of "
        "a safetensors file's metadata\n"
        "  help: give it another name");
  CHECK(refused({}, {{"note", std::string(100'000'000, 'x')}}) ==
        "error: cannot write 'DIR/saved': its header would have 100000032 bytes, and readers take "
        "100000000 at most\n"
        "  help: write fewer arrays, or less metadata");
  CHECK(read_file(path) == "older");
}

TEST_CASE("a link is written through") {
  TemporaryFolder folder;
  const auto real = folder.file("real", "older");
  std::filesystem::create_symlink(real, folder.path() / "link");
  write_safetensors(folder.path() / "link", arrays);
  CHECK(std::filesystem::is_symlink(folder.path() / "link"));
  CHECK(read_file(real).size() > 32);
}

namespace {

std::string with_header(const std::string& header, std::size_t bytes) {
  std::string file;
  for (int shift = 0; shift < 64; shift += 8) file += char(header.size() >> shift);
  return file + header + std::string(bytes, '\0');
}

std::string refusal(const std::string& bytes) {
  TemporaryFolder folder;
  const auto path = folder.file("p", bytes);
  return said(folder, [&] { read_safetensors(path); });
}

}  // namespace

TEST_CASE("what was written is read again") {
  TemporaryFolder folder;
  write_safetensors(folder.path() / "p", arrays);
  const SafeTensors read = read_safetensors(folder.path() / "p");
  REQUIRE(read.arrays.size() == 2);
  CHECK(read.arrays[0].name == "dense.weight");
  CHECK(read.arrays[0].array.view().type() == "f32[2, 3]");
  CHECK(read.arrays[0].array.values<float>()[5] == 6);
  CHECK(read.find("dense.bias")->values<float>()[1] == 0.5f);
  CHECK(read.find("bias") == nullptr);
  write_safetensors(folder.path() / "p", {});
  CHECK(read_safetensors(folder.path() / "p").arrays.empty());
}

TEST_CASE("other writers' files are read: metadata, any order, scalars, empty arrays") {
  TemporaryFolder folder;
  const auto path =
      folder.file("p", with_header(R"({"__metadata__":{"format":"pt"},)"
                                   R"("b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
                                   R"("a":{"data_offsets":[0,8],"shape":[1,2],"dtype":"F32"},)"
                                   R"("none":{"dtype":"F32","shape":[0,3],"data_offsets":[8,8]}})",
                                   12));
  const SafeTensors read = read_safetensors(path);
  REQUIRE(read.arrays.size() == 3);
  CHECK(read.arrays[0].name == "a");
  CHECK(read.arrays[1].name == "none");
  CHECK(read.arrays[2].array.dims().empty());
  CHECK(read.metadata == Metadata{{"format", "pt"}});
}

TEST_CASE("what is no such file is refused with the reason") {
  CHECK(refusal("") ==
        "'DIR/p' is no safetensors file: it does not begin with the length of its header");
  CHECK(refusal("<!DOCTYPE html>") == refusal(""));
  CHECK(refusal(std::string(8, '\xff')) == refusal(""));
  CHECK(refusal(with_header("{", 0)) == "'DIR/p' is no safetensors file: its header is not JSON");
  CHECK(refusal(with_header("[]", 0)) == refusal(with_header("{", 0)));
  CHECK(refusal(with_header(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4)) ==
        "'DIR/p' holds 'a' as F16, which nodec has not");
  CHECK(refusal(with_header(R"({"a":{"dtype":3,"shape":[2],"data_offsets":[0,4]}})", 4)) ==
        "'DIR/p' says of 'a' no dtype");
  CHECK(refusal(with_header(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8)) ==
        "'DIR/p' says of 'a' no shape or no place");
  CHECK(refusal(with_header(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8)) ==
        "'DIR/p' says of 'a' that its shape is [3] and its data are bytes 0 to 8");
  CHECK(refusal(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9)) ==
        "'DIR/p' holds 9 bytes of data where its header wants 8");
  CHECK(refusal(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", 16)) ==
        "'DIR/p' says that 'a' begins at byte 8 where 0 is next");
}

TEST_CASE("every dtype and words about the arrays come back") {
  TemporaryFolder folder;
  const Tensor count = Tensor::of<std::int64_t>({1}, {-7}),
               byte = Tensor::of<std::uint8_t>({3}, {1, 2, 3}),
               wide = Tensor::of<double>({}, {0.1}), key(Dtype::Key, {2});
  const Metadata words{{"note", "a \"quoted\" word"}};
  write_safetensors(folder / "p", {{"count", count}, {"byte", byte}, {"wide", wide}, {"key", key}},
                    words);
  const SafeTensors read = read_safetensors(folder / "p");
  CHECK(read.metadata == words);
  CHECK(read.find("count")->values<std::int64_t>()[0] == -7);
  CHECK(read.find("byte")->values<std::uint8_t>()[2] == 3);
  CHECK(read.find("wide")->values<double>()[0] == 0.1);
  CHECK(read.find("key")->view().type() == "key[2]");
}

TEST_CASE("one array alone is mapped or read") {
  TemporaryFolder folder;
  write_safetensors(folder / "p", arrays);
  std::shared_ptr<const void> keeps;
  CHECK(map_safetensor(folder / "p", "dense.bias", keeps).values<float>()[0] == -1);
  CHECK_THROWS_AS(map_safetensor(folder / "p", "bias", keeps), Error);
}

TEST_CASE("booleans other than 0 and 1 are refused, read and mapped") {
  TemporaryFolder folder;
  // The data begin at a multiple of 64 bytes, where they are mapped.
  std::string header = R"({"mask":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})";
  header.resize(120, ' ');
  const std::string start = with_header(header, 0);
  const std::string refused =
      "'DIR/odd' holds in 'mask' the byte 2 as boolean 1: wanted 0 or 1; save array != 0";
  const auto words = [&](const std::function<void()>& does) {
    try {
      does();
    } catch (const Error& error) {
      return folder.without_path(error.message() + "; " + error.help());
    }
    return std::string("no error");
  };
  std::shared_ptr<const void> keeps;
  const auto odd = folder.file("odd", start + "\1\2\1");
  CHECK(words([&] { read_safetensors(odd); }) == refused);
  CHECK(words([&] { map_safetensor(odd, "mask", keeps); }) == refused);
  const auto fine = folder.file("fine", start + std::string("\1\0\1", 3));
  CHECK(read_safetensors(fine).find("mask")->values<bool>()[2]);
  CHECK_FALSE(map_safetensor(fine, "mask", keeps).values<bool>()[1]);
}
