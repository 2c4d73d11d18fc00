// Stacks in one mapping, and the switch: push what a call must keep, change the stack pointer, pop.
#include "runtime/emulator/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstring>

#include "ir/error.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NODEC_ASAN_FIBERS 1  // it must be told of every change of stacks
#include <sanitizer/common_interface_defs.h>
#endif
#endif

#if defined(__x86_64__)
extern "C" void nodec_switch_stack(void** save, void* to);
asm(R"(
.pushsection .text
.globl nodec_switch_stack
.hidden nodec_switch_stack
.type nodec_switch_stack, @function
nodec_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size nodec_switch_stack, .-nodec_switch_stack
.popsection
)");
#endif

namespace nodec::emulator {
namespace {

constexpr std::size_t kStackBytes = 128 << 10;

#ifdef NODEC_ASAN_FIBERS
void begin_switch(void** fake, const void* bottom, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake, bottom, bytes);
}
void end_switch(void* fake, const void** bottom, std::size_t* bytes) {
  __sanitizer_finish_switch_fiber(fake, bottom, bytes);
}
#else
void begin_switch(void**, const void*, std::size_t) {}
void end_switch(void*, const void**, std::size_t*) {}
#endif

// A fiber's first frame.
void (*fiber_body)() = nullptr;
const void* home_bottom = nullptr;
std::size_t home_bytes = 0;
void begin_fiber() {
  end_switch(nullptr, &home_bottom, &home_bytes);
  fiber_body();
}

}  // namespace

struct FiberPool::Portable {
  ucontext_t context;
};

#if defined(__x86_64__)
bool FiberPool::portable = false;
#else
bool FiberPool::portable = true;
#endif

FiberPool::~FiberPool() { free(); }

void FiberPool::free() {
  if (memory_ != nullptr) munmap(memory_, stacks_ * stride_);
  memory_ = nullptr;
  for (Fiber& fiber : fibers_) delete fiber.portable;
  fibers_.clear();
  delete home_.portable;
  home_.portable = nullptr;
}

void FiberPool::reserve(std::size_t count) {
  if (count <= stacks_ && memory_ != nullptr) return;
  free();
  const std::size_t page = std::size_t(sysconf(_SC_PAGESIZE));
  stride_ = kStackBytes + page;
  void* memory = mmap(nullptr, count * stride_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw Error(fmt::format("there is no memory for the stacks of {} emulated threads ({} MiB)",
                            count, count * stride_ >> 20),
                {}, "take a smaller batch, or raise the limit of memory (ulimit -v)");
  }
  memory_ = static_cast<std::byte*>(memory);
  stacks_ = count;
  for (std::size_t i = 0; i < count; ++i) mprotect(low(i), page, PROT_NONE);
}

void FiberPool::prepare(std::size_t count, void (*body)()) {
  reserve(count);
  fiber_body = body;
  while (fibers_.size() < count) fibers_.emplace_back();
  for (std::size_t i = 0; i < count; ++i) {
    Fiber& fiber = fibers_[i];
    fiber.fake_stack = nullptr;
    if (portable) {
      if (fiber.portable == nullptr) fiber.portable = new Portable;
      ucontext_t& context = fiber.portable->context;
      getcontext(&context);
      context.uc_stack.ss_sp = low(i) + (stride_ - kStackBytes);
      context.uc_stack.ss_size = kStackBytes;
      context.uc_link = nullptr;
      makecontext(&context, begin_fiber, 0);
      continue;
    }
    // As the switch leaves a stack: six registers, then where to go on. Above it one word, so that
    // the stack is aligned as behind a call.
    auto** top = reinterpret_cast<void**>(low(i) + stride_ - 64);
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(&begin_fiber);
    top -= 6;
    std::memset(top, 0, 6 * sizeof(void*));
    fiber.stack_pointer = top;
  }
}

void FiberPool::resume(std::size_t number) {
  current_ = number;
  Fiber& fiber = fibers_[number];
  begin_switch(&home_.fake_stack, low(number) + (stride_ - kStackBytes), kStackBytes);
  if (portable) {
    if (home_.portable == nullptr) home_.portable = new Portable;
    swapcontext(&home_.portable->context, &fiber.portable->context);
  } else {
#if defined(__x86_64__)
    nodec_switch_stack(&home_.stack_pointer, fiber.stack_pointer);
#endif
  }
  end_switch(home_.fake_stack, nullptr, nullptr);
}

void FiberPool::leave() {
  Fiber& fiber = fibers_[current_];
  begin_switch(&fiber.fake_stack, home_bottom, home_bytes);
  if (portable) {
    swapcontext(&fiber.portable->context, &home_.portable->context);
  } else {
#if defined(__x86_64__)
    nodec_switch_stack(&fiber.stack_pointer, home_.stack_pointer);
#endif
  }
  end_switch(fiber.fake_stack, &home_bottom, &home_bytes);
}

std::int64_t FiberPool::owner(const void* address) const {
  const auto* p = static_cast<const std::byte*>(address);
  if (p < memory_ || p >= memory_ + stacks_ * stride_) return -1;
  return std::int64_t(std::size_t(p - memory_) / stride_);
}

}  // namespace nodec::emulator
