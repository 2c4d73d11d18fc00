// Named f32 arrays as a safetensors file: written so that Python's readers open it as it is, and
// read from any writer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace nodec::mnist {

struct NamedArray {
  std::string name;
  std::vector<std::int64_t> dims;
  std::span<const float> values;
};

struct LoadedArray {
  std::string name;
  std::vector<std::int64_t> dims;
  std::vector<float> values;
};

// Throws an Error unless `path` can be written; called before the work whose result goes there.
void check_writable(const std::filesystem::path& path);

// The file appears under its name only when it is whole; until then an older one stays. Error, and
// nothing is written, when a value is not finite.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedArray>& arrays);

// In the order of their places in the file. Error when the file cannot be read, is no such file, or
// holds anything but f32.
std::vector<LoadedArray> read_safetensors(const std::filesystem::path& path);

}  // namespace nodec::mnist
