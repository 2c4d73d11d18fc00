// Samples as an array whose first axis counts them: from a tensor, or a file of one of the usual
// formats, mapped where it is aligned as compiled programs want it, else read.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "runtime/tensor.h"

namespace nodec::nn {

// Copies share the array.
class Table {
 public:
  Table() = default;                                    // no table
  Table(Tensor array);                                  // NOLINT(google-explicit-constructor)
  static Table npy(const std::filesystem::path& path);  // numpy.save's
  static Table idx(const std::filesystem::path& path);  // MNIST's format, not gzipped
  static Table safetensors(const std::filesystem::path& path, std::string_view name);

  bool empty() const { return array_ == nullptr; }
  std::int64_t samples() const;
  TensorView view() const;
  // The least and the greatest of a table of integers.
  std::pair<std::int64_t, std::int64_t> range() const;
  bool is_mapped() const { return pages_ != nullptr; }

 private:
  std::shared_ptr<const void> pages_;
  std::shared_ptr<Tensor> array_;
};

}  // namespace nodec::nn
