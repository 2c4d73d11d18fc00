// NumPy's array files: one array a file, little-endian, row-major.
#pragma once

#include <filesystem>
#include <memory>

#include "runtime/tensor.h"

namespace nodec {

// Error when the file cannot be read, is not such an array, or holds less than it says.
Tensor read_npy(const std::filesystem::path& path);
// The same where it lies in the file, if it is aligned there, as numpy.save does (mapped_file.h).
Tensor map_npy(const std::filesystem::path& path, std::shared_ptr<const void>& keeps);

// Published whole (publish.h). A key is stored as u64.
void write_npy(const std::filesystem::path& path, const TensorView& array);

}  // namespace nodec
