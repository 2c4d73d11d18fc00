// The header of NumPy's array files: a Python dictionary of three keys, as any version of NumPy
// writes it and as numpy.load takes it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ir/type.h"

namespace nodec {

struct NpyHeader {
  Dtype dtype = Dtype::F32;
  bool by_columns = false;  // the first axis runs fastest, and that makes a difference
  std::vector<std::int64_t> dims;
};

// What is wrong with a header ("states no 'shape'"), and the remedy.
struct NpyFault : std::runtime_error {
  explicit NpyFault(const std::string& what, std::string remedy = "write it with numpy.save")
      : std::runtime_error(what), help(std::move(remedy)) {}
  std::string help;
};

// NpyFault when the text is no such header, or one of an array that cannot be read.
NpyHeader read_npy_header(std::string_view text);
// The dictionary alone, with the room NumPy leaves for the first axis to grow.
std::string npy_header(Dtype dtype, const std::vector<std::int64_t>& dims);

}  // namespace nodec
