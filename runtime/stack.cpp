// Ends of stacks, and changing from one to another.
#include "runtime/stack.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NODEC_ASAN_FIBERS 1  // it must be told of every change of stacks
#include <sanitizer/common_interface_defs.h>
#endif
#endif

namespace nodec {
namespace {

// A limit that leaves not even this is not looked for at every call.
constexpr std::int64_t kLittle = 48 << 10;

struct Ends {
  std::uintptr_t low = 0, high = 0;
  bool grows = false;  // the first thread's, whose limit may change
};

Ends ends_of_this_thread() {
  Ends ends;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return ends;
  void* low = nullptr;
  std::size_t size = 0, guard = 0;
  if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
    pthread_attr_getguardsize(&attributes, &guard);
    ends.low = reinterpret_cast<std::uintptr_t>(low) + guard;
    ends.high = reinterpret_cast<std::uintptr_t>(low) + size;
  }
  pthread_attr_destroy(&attributes);
  ends.grows = syscall(SYS_gettid) == getpid();
  return ends;
}

std::int64_t page_size() {
  static const std::int64_t size = sysconf(_SC_PAGESIZE);
  return size;
}

}  // namespace

bool stack_holds(std::int64_t bytes) {
  thread_local Ends ends;
  if (ends.high == 0) ends = ends_of_this_thread();
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (here < ends.low || here >= ends.high) return false;
  std::uintptr_t low = ends.low;
  rlimit limit{};
  if (ends.grows && bytes > kLittle && getrlimit(RLIMIT_STACK, &limit) == 0 &&
      limit.rlim_cur < ends.high) {
    low = std::max(low, ends.high - limit.rlim_cur);
  }
  return here > low && std::int64_t(here - low) >= bytes;
}

Stack::~Stack() { free(); }

Stack::Stack(Stack&& other) noexcept
    : low_(std::exchange(other.low_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

void Stack::free() {
  if (low_ != nullptr) munmap(low_, std::size_t(page_size() + bytes_));
  low_ = nullptr;
  bytes_ = 0;
}

bool Stack::reserve(std::int64_t bytes) {
  if (bytes <= bytes_) return true;
  free();
  const std::int64_t page = page_size();
  bytes = (bytes + page - 1) / page * page;
  void* low = mmap(nullptr, std::size_t(page + bytes), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (low == MAP_FAILED) return false;
  mprotect(low, std::size_t(page), PROT_NONE);
  low_ = static_cast<std::byte*>(low);
  bytes_ = bytes;
  return true;
}

namespace {

struct Switch {
  void (*function)(void*);
  void* argument;
  ucontext_t back, there;
};

// makecontext hands on ints alone.
void begin_there(unsigned high, unsigned low) {
#ifdef NODEC_ASAN_FIBERS
  const void* bottom = nullptr;
  std::size_t size = 0;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
#endif
  auto* to = reinterpret_cast<Switch*>(std::uintptr_t(high) << 32 | low);
  to->function(to->argument);
#ifdef NODEC_ASAN_FIBERS
  __sanitizer_start_switch_fiber(nullptr, bottom, size);
#endif
}

}  // namespace

void Stack::run(void (*function)(void*), void* argument) {
  Switch to{function, argument, {}, {}};
  getcontext(&to.there);
  to.there.uc_stack.ss_sp = low_ + page_size();
  to.there.uc_stack.ss_size = std::size_t(bytes_);
  to.there.uc_link = &to.back;
  const auto address = reinterpret_cast<std::uintptr_t>(&to);
  makecontext(&to.there, reinterpret_cast<void (*)()>(begin_there), 2, unsigned(address >> 32),
              unsigned(address));
#ifdef NODEC_ASAN_FIBERS
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, to.there.uc_stack.ss_sp, to.there.uc_stack.ss_size);
#endif
  swapcontext(&to.back, &to.there);
#ifdef NODEC_ASAN_FIBERS
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

}  // namespace nodec
