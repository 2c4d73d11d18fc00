// Small kernels written by hand on the prologue that generated programs start with.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/temporary_folder.h"

namespace nodec::testing {

struct KernelShape {
  int ports = 2, parts = 1, block_members = 1;
  int shared_bytes = 0, arena_bytes = 0;
  int symbols = 1, scratch = 1, tapes = 1;
};

// A program: the numbers, the prologue, an entry `kernel` with this body; its first line is line 1.
inline std::string kernel_text(const KernelShape& shape, const std::string& body,
                               const std::string& functions = {}) {
  const std::string prologue = read_file(std::filesystem::path(NODEC_TEST_DIR).parent_path() /
                                         "compiler/codegen/cuda/prologue.cu");
  return fmt::format(
      "#define NODEC_PORTS {}\n#define NODEC_SCRATCH {}\n#define NODEC_SYMBOLS {}\n"
      "#define NODEC_TAPES {}\n#define NODEC_PARTS {}\n#define NODEC_BLOCK_MEMBERS {}\n"
      "#define NODEC_SHARED_BYTES {}\n#define NODEC_ARENA_BYTES {}\n{}\n{}\n"
      "NODEC_ENTRY(kernel) {{\n#line 1 \"kernel.cu\"\n{}\n}}\n",
      shape.ports, shape.scratch, shape.symbols, shape.tapes, shape.parts, shape.block_members,
      shape.shared_bytes, shape.arena_bytes, prologue, functions, body);
}

// The frame such a program gets, as the runtime lays it out.
struct KernelFrame {
  explicit KernelFrame(const KernelShape& shape)
      : words(std::size_t(shape.ports + shape.scratch + shape.symbols + 3 * shape.tapes + 4)),
        shape_(shape) {
    report.resize(20);
    words[words.size() - 2] = reinterpret_cast<std::uint64_t>(report.data());
  }
  void port(int i, void* data) { words[std::size_t(i)] = reinterpret_cast<std::uint64_t>(data); }
  void symbol(int i, std::int64_t value) {
    words[std::size_t(shape_.ports + shape_.scratch + i)] = std::uint64_t(value);
  }
  void tape(void* base, std::int64_t stride, std::int64_t capacity) {
    const auto at = std::size_t(shape_.ports + shape_.scratch + shape_.symbols);
    words[at] = reinterpret_cast<std::uint64_t>(base);
    words[at + 1] = std::uint64_t(stride);
    words[at + 2] = std::uint64_t(capacity);
  }
  const void* arguments[1] = {};
  const void* const* launch() {
    arguments[0] = words.data();
    return arguments;
  }

  std::vector<std::uint64_t> words;
  std::vector<std::int64_t> report;

 private:
  KernelShape shape_;
};

}  // namespace nodec::testing
