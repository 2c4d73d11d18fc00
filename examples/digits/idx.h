// Reads IDX files (the format MNIST comes in), plain or gzipped, and refuses anything else.
//
// An image file is four big-endian words (2051, count, rows, columns) and count*rows*columns bytes;
// a label file is two words (2049, count) and count bytes. A file must hold exactly what its header
// announces: a byte less is a truncated download, a byte more is another file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <new>
#include <vector>

#include "compiler/nodec.h"

namespace nodec::digits {

inline constexpr std::int64_t kSide = 28;
inline constexpr std::int64_t kPixels = kSide * kSide;
inline constexpr std::int64_t kClasses = 10;

// Bytes where compiled programs want them: at a multiple of 64, so that they are read in place.
template <typename T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  template <typename U>
  Aligned(const Aligned<U>&) {}  // NOLINT(google-explicit-constructor): as allocators do
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const Aligned&) const = default;
};
using Bytes = std::vector<std::uint8_t, Aligned<std::uint8_t>>;

// Images row by row, 784 bytes each, and one label 0...9 for each.
struct Digits {
  Bytes pixels;
  Bytes labels;
  std::int64_t count() const { return std::int64_t(labels.size()); }
  // u8[count, 784] and u8[count], on these bytes.
  Tensor images() { return Tensor::borrow(Dtype::U8, {count(), kPixels}, pixels.data()); }
  Tensor answers() { return Tensor::borrow(Dtype::U8, {count()}, labels.data()); }
};

inline constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

// The first `limit` items of a file; Error names the path, what was wanted and what was found.
// Only the announced size of what lies behind `limit` is checked, so a small limit reads little.
Bytes read_images(const std::filesystem::path& path, std::int64_t limit = kAll);
Bytes read_labels(const std::filesystem::path& path, std::int64_t limit = kAll);

// Whether a folder has the two files of the training set, gzipped or plain.
bool holds_training_set(const std::filesystem::path& folder);
// train-images-idx3-ubyte and train-labels-idx1-ubyte of a folder, each gzipped or plain.
Digits read_training_set(const std::filesystem::path& folder, std::int64_t limit = kAll);

}  // namespace nodec::digits
