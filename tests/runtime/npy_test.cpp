// NumPy's files, read and written; the bytes of the first test are numpy's own.
#include "runtime/npy.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

#include "ir/error.h"

using namespace nodec;

namespace {

struct File {
  File()
      : path(std::filesystem::temp_directory_path() / ("nodec-npy-" + std::to_string(getpid()))) {}
  ~File() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
  std::string read() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string message() const {
    try {
      read_npy(path);
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("\n  help: ") != std::string::npos);
      std::string text = error.message();
      const std::size_t at = text.find(path.string());
      return at == std::string::npos ? text : text.replace(at, path.string().size(), "x.npy");
    }
    return "none";
  }
  std::filesystem::path path;
};

std::string npy(std::string header, const std::string& elements, char version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += version;
  bytes += '\0';
  bytes += char(header.size() & 0xff);
  bytes += char(header.size() >> 8);
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + header + elements;
}

const std::string kTwo = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

}  // namespace

TEST_CASE("an array is written as numpy.save writes it") {
  const File file;
  write_npy(file.path, Tensor::of<std::int32_t>({2, 3}, {1, 2, 3, 4, 5, 6}));
  std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }";
  header.append(128 - 10 - 1 - header.size(), ' ');
  const std::int32_t numbers[] = {1, 2, 3, 4, 5, 6};
  CHECK(file.read() ==
        npy(header + "\n", std::string(reinterpret_cast<const char*>(numbers), sizeof numbers)));
}

TEST_CASE("every dtype and rank reads back as it was written") {
  const File file;
  const auto check = [&](const Tensor& array) {
    write_npy(file.path, array);
    const Tensor back = read_npy(file.path);
    CHECK(back.view().type() == array.view().type());
    CHECK(std::string(static_cast<const char*>(back.data()), back.bytes()) ==
          std::string(static_cast<const char*>(array.data()), array.bytes()));
  };
  check(Tensor::scalar(1.5f));
  check(Tensor::scalar(-2.5));
  check(Tensor::of<std::uint8_t>({3}, {1, 2, 255}));
  check(Tensor::of<std::int64_t>({1, 2}, {-1, std::int64_t{1} << 60}));
  check(Tensor(Dtype::Bool, {4}));
  check(Tensor(Dtype::Key, {2}));
  check(Tensor(Dtype::F32, {0, 5}));
}

TEST_CASE("versions 2 and 3 are read") {
  const File file;
  for (const char version : {2, 3}) {
    file.write(npy(kTwo, std::string(8, '\0'), version));
    CHECK(read_npy(file.path).view().type() == "f32[2]");
  }
}

TEST_CASE("unusual headers are read as numpy reads them") {
  const File file;
  const auto type = [&](const std::string& header, std::size_t bytes) {
    file.write(npy(header, std::string(bytes, '\0')));
    return read_npy(file.path).view().type();
  };
  CHECK(type("{'descr': '<f8', 'fortran_order': True, 'shape': (3,), }", 24) == "f64[3]");
  CHECK(type("{'descr': '<f8', 'fortran_order': True, 'shape': (), }", 8) == "f64[]");
  CHECK(type("{'descr': '<f8', 'fortran_order': True, 'shape': (1, 3, 1), }", 24) ==
        "f64[1, 3, 1]");
  CHECK(type("{'descr': '<f8', 'fortran_order': True, 'shape': (0, 3), }", 0) == "f64[0, 3]");
  CHECK(type("{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 2L), }", 48) == "f64[3, 2]");
  CHECK(type("{u'descr': u'<f8', u\"fortran_order\": False, 'shape': (3,), }", 24) == "f64[3]");
  CHECK(type("{'descr': '=f8', 'fortran_order': False, 'shape': (3,)}", 24) == "f64[3]");
  CHECK(type("{\"descr\": \"<f8\", \"fortran_order\": False, \"shape\": (3,), }", 24) == "f64[3]");
  CHECK(type("{ 'shape':(3 , ),'fortran_order':False,\n'descr' : 'float32' }  \n", 12) == "f32[3]");
  CHECK(type("{'descr': '>u1', 'fortran_order': False, 'shape': (3,), }", 3) == "u8[3]");
  CHECK(type("{'descr': '?', 'fortran_order': False, 'shape': (3,), }", 3) == "bool[3]");
}

TEST_CASE("a pipe or a device is refused at once") {
  const File file;
  REQUIRE(mkfifo(file.path.c_str(), 0600) == 0);
  CHECK(file.message() == "'x.npy' cannot be read: it is a pipe, not a plain file");
  CHECK_THROWS_WITH_AS(read_npy("/dev/zero"), doctest::Contains("not a plain file"), Error);
  CHECK_THROWS_WITH_AS(read_npy("/tmp"), doctest::Contains("it is a folder"), Error);
}

TEST_CASE("an array that cannot be written says why") {
  CHECK_THROWS_WITH_AS(write_npy("/none/x.npy", Tensor::scalar(1.0)),
                       "error: cannot write '/none/x.npy': No such file or directory\n"
                       "  help: name a file in a folder that can be written and has room",
                       Error);
}

TEST_CASE("what is not such an array is refused with the reason") {
  const File file;
  CHECK(file.message() == "'x.npy' cannot be read: No such file or directory");
  const auto message = [&](const std::string& bytes) {
    file.write(bytes);
    return file.message();
  };
  const std::string eight(8, '\0');
  CHECK(message("") == "'x.npy' is not a .npy file");
  CHECK(message("PK\x03\x04 is a zip file") == "'x.npy' is not a .npy file");
  CHECK(message(npy(kTwo, eight, 9)) == "'x.npy' is of version 9; versions 1 to 3 can be read");
  CHECK(message(npy(kTwo, "abc")) == "'x.npy' holds 3 bytes of elements where its shape takes 8");
  CHECK(message(npy(kTwo, eight + "x")) ==
        "'x.npy' holds 9 bytes of elements where its shape takes 8");
  CHECK(message(npy(kTwo, eight).substr(0, 20)) == "'x.npy' ends inside its header");
  CHECK(message(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", eight)) ==
        "'x.npy' holds big-endian elements (>f4)");
  CHECK(message(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", eight)) ==
        "'x.npy' holds elements of type <f2");
  CHECK(message(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", eight)) ==
        "'x.npy' holds elements of type [('a', '<f4')]");
  CHECK(message(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2, 1, 3), }", eight)) ==
        "'x.npy' is stored column by column");
  CHECK(message(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", "\1\2\1")) ==
        "'x.npy' holds the byte 2 as boolean 1: wanted 0 or 1");
  for (const char* header : {"", "[1]", "{'descr': '<f4'", "{'descr': '<f4', 'descr': '<f4'}",
                             "{'shape': (2,), 'fortran_order': False, 'descr': '<f4'} x",
                             "{'shape': (2,), 'fortran_order': False, 'descr': '<f4', 'x': 1}"}) {
    INFO(header);
    CHECK(message(npy(header, eight)) == "'x.npy' has a damaged header");
  }
  CHECK(message(npy("{'descr': '<f4', 'fortran_order': False, }", eight)) ==
        "'x.npy' states no 'shape'");
  for (const char* shape : {"(-1,)", "(99999999999999999999,)", "(1099511627776,)", "(x,)",
                            "(1000000000000, 1000000000000, 1000000000000)"}) {
    INFO(shape);
    const std::string header =
        std::string("{'descr': '<f4', 'fortran_order': False, 'shape': ") + shape + ", }";
    CHECK(message(npy(header, eight)) == "'x.npy' states a shape that cannot be");
  }
}
