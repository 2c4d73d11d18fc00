// Fibers: functions with a stack of their own that hand the processor to each other where they say
// so. All fibers of a pool belong to the thread that resumes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nodec::emulator {

class FiberPool {
 public:
  FiberPool() = default;
  ~FiberPool();
  FiberPool(const FiberPool&) = delete;
  FiberPool& operator=(const FiberPool&) = delete;

  // Fresh fibers, none of which has begun; those there were are forgotten where they stand. `body`
  // must leave() and never return. An Error when there is no memory for the stacks.
  void prepare(std::size_t count, void (*body)());
  // Goes on with a fiber, until it leaves.
  void resume(std::size_t fiber);
  // Within a fiber: back to who resumed it.
  void leave();

  // Which fiber's stack holds the address; -1: none's.
  std::int64_t owner(const void* address) const;
  // Switches by ucontext, as on processors that fiber.cpp has no instructions for.
  static bool portable;

 private:
  struct Portable;
  struct Fiber {
    void* stack_pointer = nullptr;
    Portable* portable = nullptr;
    void* fake_stack = nullptr;  // of the address sanitizer
  };
  void reserve(std::size_t count);
  std::byte* low(std::size_t fiber) const { return memory_ + fiber * stride_; }
  void free();

  std::vector<Fiber> fibers_;
  Fiber home_;
  std::size_t current_ = 0;
  std::byte* memory_ = nullptr;
  std::size_t stacks_ = 0, stride_ = 0;  // of each, with the page below it that nobody may touch
};

}  // namespace nodec::emulator
