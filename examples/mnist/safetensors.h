// Writes named f32 arrays as a safetensors file, which Python's readers open as it is.
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

// Throws an Error unless `path` can be written; called before the work whose result goes there.
void check_writable(const std::filesystem::path& path);

// The file appears under its name only when it is whole; until then an older one stays.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedArray>& arrays);

}  // namespace nodec::mnist
