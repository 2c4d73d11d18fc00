// Tables from files: mapped where they are aligned, else read; what is no such file is refused.
#include "compiler/train/table.h"

#include <doctest/doctest.h>

#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "tests/compiler/trace/traced.h"
#include "tests/temporary_folder.h"

namespace nodec::nn {
namespace {

std::string said_in(const TemporaryFolder& folder, const std::function<void()>& act) {
  return folder.without_path(testing::message(act));
}

std::vector<float> floats(const Table& table) {
  const TensorView view = table.view();
  const auto* data = static_cast<const float*>(view.data);
  return {data, data + view.count()};
}

}  // namespace

TEST_CASE("an npy file is mapped, and a write to the table does not reach it") {
  const TemporaryFolder folder;
  write_npy(folder / "x.npy", Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
  const Table table = Table::npy(folder / "x.npy");
  CHECK(table.is_mapped());
  CHECK(table.samples() == 2);
  CHECK(floats(table) == std::vector<float>{1, 2, 3, 4});
  *static_cast<float*>(table.view().data) = 9;
  CHECK(floats(Table::npy(folder / "x.npy"))[0] == 1);
  write_npy(folder / "none.npy", Tensor(Dtype::F32, {0, 3}));
  CHECK(Table::npy(folder / "none.npy").samples() == 0);
}

TEST_CASE("an array of a safetensors file is found by its name") {
  const TemporaryFolder folder;
  const Tensor x = Tensor::of<float>({2}, {1, 2}), y = Tensor::of<float>({3}, {3, 4, 5});
  write_safetensors(folder / "s", {{"x", x}, {"y", y}});
  CHECK(floats(Table::safetensors(folder / "s", "y")) == std::vector<float>{3, 4, 5});
  CHECK(said_in(folder, [&] { Table::safetensors(folder / "s", "z"); }) ==
        R"(error: 'DIR/s' holds no array 'z'
  help: it holds 'x', 'y')");
  write_safetensors(folder / "long", {{"images", x}, {"labels", y}});
  CHECK(said_in(folder, [&] { Table::safetensors(folder / "long", "label"); }) ==
        R"(error: 'DIR/long' holds no array 'label'
  help: did you mean 'labels'?)");
}

TEST_CASE("an IDX file of bytes or of numbers is read") {
  using namespace std::string_literals;
  const TemporaryFolder folder;
  const Table bytes = Table::idx(folder.file("u8", "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"s + "abcdef"));
  CHECK(bytes.view().type() == "u8[2, 3]");
  CHECK(static_cast<const char*>(bytes.view().data)[5] == 'f');
  const Table ints = Table::idx(folder.file("i32", "\0\0\x0c\x01\0\0\0\x01\0\0\x01\x02"s));
  CHECK(*static_cast<const std::int32_t*>(ints.view().data) == 258);
  CHECK(said_in(folder, [&] { Table::idx(folder.file("gz", "\x1f\x8b\x08\0"s)); }) ==
        "error: 'DIR/gz' is gzipped\n  help: unpack it first: gunzip gz");
  CHECK(said_in(folder, [&] { Table::idx(folder.file("no", "hello")); }) ==
        "error: 'DIR/no' is no IDX file\n  help: give a file in MNIST's format, IDX");
  CHECK(said_in(folder, [&] { Table::idx(folder.file("i16", "\0\0\x0b\x01\0\0\0\x01\0\0"s)); }) ==
        R"(error: 'DIR/i16' holds elements of IDX type 0x0b
  help: u8 (0x08), i32 (0x0c), f32 (0x0d) and f64 (0x0e) can be read)");
  CHECK(
      said_in(folder, [&] { Table::idx(folder.file("cut", "\0\0\x08\x01\0\0\0\x05"s + "abc")); }) ==
      R"(error: 'DIR/cut' holds 3 bytes of elements where its header takes 5
  help: fetch the file again)");
  CHECK(said_in(folder, [&] { Table::idx(folder / "none"); }) ==
        R"(error: 'DIR/none' cannot be read: No such file or directory
  help: give a file in MNIST's format, IDX)");
}

}  // namespace nodec::nn
