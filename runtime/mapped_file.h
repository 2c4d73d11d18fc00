// A part of a file as an array: its own pages where they are aligned as compiled programs want
// them, else a copy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/plain_file.h"
#include "runtime/tensor.h"

namespace nodec {

// The elements that begin `start` bytes into the file, which holds them all; `keeps` holds pages
// that are mapped, and must live as long as the array. A write to the array does not reach the
// file. Error when the file cannot be read.
Tensor array_in_file(const PlainFile& file, const std::filesystem::path& path, std::uint64_t start,
                     Dtype dtype, std::vector<std::int64_t> dims,
                     std::shared_ptr<const void>& keeps);

// Error where an array of booleans that was read from a file holds other bytes than 0 and 1, by
// which compiled programs tell false from true. `name`: the array's, in a file of several.
void check_booleans(const Tensor& array, const std::filesystem::path& path,
                    std::string_view name = {});

}  // namespace nodec
