// Memory of whole cache lines, as compiled programs expect every buffer of theirs to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace nodec {

inline constexpr std::size_t kAlignment = 64;  // bytes: a cache line, and the widest vector

constexpr std::int64_t aligned(std::int64_t bytes) {
  return (bytes + std::int64_t(kAlignment) - 1) / std::int64_t(kAlignment) *
         std::int64_t(kAlignment);
}

struct AlignedFree {
  void operator()(std::byte* bytes) const {
    ::operator delete(bytes, std::align_val_t(kAlignment));
  }
};
using AlignedBytes = std::unique_ptr<std::byte, AlignedFree>;

// Uninitialised; null when there is no memory.
inline AlignedBytes try_allocate(std::int64_t bytes) {
  return AlignedBytes(static_cast<std::byte*>(
      ::operator new(std::size_t(bytes), std::align_val_t(kAlignment), std::nothrow)));
}
// Throws std::bad_alloc when there is no memory.
inline AlignedBytes allocate(std::int64_t bytes) {
  AlignedBytes memory = try_allocate(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace nodec
