// Named arrays as a safetensors file: written so that Python's readers open it as it is, and read
// from any writer.
//
// The format: a little-endian 64-bit length, a JSON header of that length (padded with spaces so
// that the data begin at a multiple of 8), then the arrays, row-major and back to back. Each header
// entry gives dtype, shape and the byte range within the data; "__metadata__" holds words by name.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/tensor.h"

namespace nodec {

using Metadata = std::map<std::string, std::string>;

struct NamedView {
  std::string name;
  TensorView array;
};
struct NamedTensor {
  std::string name;
  Tensor array;
};
struct SafeTensors {
  std::vector<NamedTensor> arrays;  // in the order of their places in the file
  Metadata metadata;

  const Tensor* find(std::string_view name) const;  // null: there is none of this name
};

// Published whole (publish.h): until the file is complete an older one stays. A key is stored as
// u64.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedView>& arrays,
                       const Metadata& metadata = {});

// Error when the file cannot be read, is no such file, or holds a dtype that nodec has not.
SafeTensors read_safetensors(const std::filesystem::path& path);

// One array, where it lies in the file if that is at a multiple of 64 bytes there, else read.
// `keeps` holds the file's pages, and must live as long as the array.
Tensor map_safetensor(const std::filesystem::path& path, std::string_view name,
                      std::shared_ptr<const void>& keeps);

}  // namespace nodec
