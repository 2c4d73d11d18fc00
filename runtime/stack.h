// The stack a call needs, where a thread's own is too short for it.
//
// How much a program needs is known from its object code; how much a thread has left, from the
// thread. What would not fit runs on memory got before the call, so that no stack is overrun.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nodec {

// Whether so much is left below the caller's frame. Not on a stack that is not the thread's own:
// its end is not known.
bool stack_holds(std::int64_t bytes);

class Stack {
 public:
  Stack() = default;
  ~Stack();
  Stack(Stack&& other) noexcept;
  Stack& operator=(Stack&&) = delete;

  // Not while it is in use. False when there is no memory.
  bool reserve(std::int64_t bytes);
  std::int64_t bytes() const { return bytes_; }
  // Calls function(argument) on it.
  void run(void (*function)(void*), void* argument);

 private:
  void free();
  std::byte* low_ = nullptr;  // a page nobody may touch, then `bytes_`
  std::int64_t bytes_ = 0;
};

}  // namespace nodec
