// CUDA for the processor: as much of it as a generated program uses. Stands in front of the
// program's text, behind interface.h, and is compiled with it; nothing else includes it.
#pragma once

extern "C" {
// Set by the emulator, the first whenever another thread runs.
__attribute__((visibility("default"))) nodec::emulator::Self nodec_emulated_self;
__attribute__((visibility("default"))) nodec::emulator::Table nodec_emulated_table;
}

#define __global__ __attribute__((visibility("default")))
#define __device__
#define __constant__
#define __shared__
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define threadIdx (nodec_emulated_self.thread)
#define blockIdx (nodec_emulated_self.block)
#define gridDim (nodec_emulated_self.grid)

template <typename To, typename From>
static inline To nodec_bitcast(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To y;
  __builtin_memcpy(&y, &x, sizeof y);
  return y;
}
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline float __fsqrt_rn(float x) { return __builtin_sqrtf(x); }
static inline double __dsqrt_rn(double x) { return __builtin_sqrt(x); }
static inline float rintf(float x) { return __builtin_rintf(x); }
static inline double rint(double x) { return __builtin_rint(x); }
static inline float floorf(float x) { return __builtin_floorf(x); }
static inline double floor(double x) { return __builtin_floor(x); }
static inline int __float_as_int(float x) { return nodec_bitcast<int>(x); }
static inline float __int_as_float(int x) { return nodec_bitcast<float>(x); }
static inline long long __double_as_longlong(double x) { return nodec_bitcast<long long>(x); }
static inline double __longlong_as_double(long long x) { return nodec_bitcast<double>(x); }
static inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)(((unsigned long long)a * b) >> 32);
}
static inline float __int2float_rn(int x) { return (float)x; }
static inline double __int2double_rn(int x) { return (double)x; }
static inline float __ll2float_rn(long long x) { return (float)x; }
static inline double __ll2double_rn(long long x) { return (double)x; }
static inline float __double2float_rn(double x) { return (float)x; }

// The GPU's conversions: cut off and saturated.
template <typename To, typename From>
static inline To nodec_saturated(From x, From limit) {  // limit: the first beyond, 2^31 or 2^63
  constexpr To most = (To)(~(1ull << (8 * sizeof(To) - 1)));
  return x >= limit ? most : x < -limit ? (To)(-most - 1) : (To)x;
}
static inline int __float2int_rz(float x) { return nodec_saturated<int>(x, 0x1p31f); }
static inline int __double2int_rz(double x) { return nodec_saturated<int>(x, 0x1p31); }
static inline long long __float2ll_rz(float x) { return nodec_saturated<long long>(x, 0x1p63f); }
static inline long long __double2ll_rz(double x) { return nodec_saturated<long long>(x, 0x1p63); }

// Built with -fsanitize=thread, the program tells every access of memory. These are its whole
// run-time library.
#ifdef NODEC_EMULATED_RACES
#define NODEC_HOOK extern "C" __attribute__((no_sanitize("thread"))) void
#define NODEC_TOUCH(p, n, writes) \
  nodec_emulated_table.touch(p, n, writes, __builtin_return_address(0))
#define NODEC_HOOKS(n)                                                       \
  NODEC_HOOK __tsan_read##n(void* p) { NODEC_TOUCH(p, n, false); }           \
  NODEC_HOOK __tsan_write##n(void* p) { NODEC_TOUCH(p, n, true); }           \
  NODEC_HOOK __tsan_unaligned_read##n(void* p) { NODEC_TOUCH(p, n, false); } \
  NODEC_HOOK __tsan_unaligned_write##n(void* p) { NODEC_TOUCH(p, n, true); } \
  NODEC_HOOK __tsan_read_write##n(void* p) { NODEC_TOUCH(p, n, true); }
NODEC_HOOKS(1)
NODEC_HOOKS(2)
NODEC_HOOKS(4)
NODEC_HOOKS(8)
NODEC_HOOKS(16)
NODEC_HOOK __tsan_read_range(void* p, unsigned long n) { NODEC_TOUCH(p, n, false); }
NODEC_HOOK __tsan_write_range(void* p, unsigned long n) { NODEC_TOUCH(p, n, true); }
NODEC_HOOK __tsan_init() {}
NODEC_HOOK __tsan_func_entry(void*) {}
NODEC_HOOK __tsan_func_exit() {}
// clang's names for the copies that it is told of.
extern "C" __attribute__((no_sanitize("thread"))) void* __tsan_memcpy(void* to, const void* from,
                                                                      unsigned long n) {
  NODEC_TOUCH(from, n, false);
  NODEC_TOUCH(to, n, true);
  return __builtin_memcpy(to, from, n);
}
extern "C" __attribute__((no_sanitize("thread"))) void* __tsan_memset(void* to, int byte,
                                                                      unsigned long n) {
  NODEC_TOUCH(to, n, true);
  return __builtin_memset(to, byte, n);
}
#endif
