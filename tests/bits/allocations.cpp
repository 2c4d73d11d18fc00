// Counts what the process takes from the heap, by standing in for the global operator new.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "tests/bits/training.h"

namespace nodec::bits {
namespace {

std::atomic<std::int64_t> count{0};

void* allocate(std::size_t alignment, std::size_t size) {
  ++count;
  // aligned_alloc wants whole multiples of the alignment.
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

std::int64_t allocations() { return count; }

}  // namespace nodec::bits

void* operator new(std::size_t size) {
  return nodec::bits::allocate(alignof(std::max_align_t), size ? size : 1);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return nodec::bits::allocate(std::size_t(alignment), size ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
