// What every generated CUDA program starts with: who a thread is, where threads meet, the few
// operations that plain C++ leaves open, and what the host hands over.
//
// The text has no headers, and NVRTC compiles it with -fmad=false. With NODEC_EMULATED the same text
// is C++ for the processor (runtime/emulator/emulated.h stands in front of it then). A program
// defines the numbers below and then writes its functions and one NODEC_ENTRY.
//
//   NODEC_PORTS, NODEC_SCRATCH, NODEC_SYMBOLS, NODEC_TAPES   lengths of the frame's lists, 1 or more
//   NODEC_PARTS          threads a sample; a member is 32 * NODEC_PARTS threads
//   NODEC_BLOCK_MEMBERS  members in one block, 1 or more
//   NODEC_SHARED_BYTES   of a member, in any case; a multiple of 64
//   NODEC_ARENA_BYTES    of a chunk, shared or global as the host has room; a multiple of 64
typedef signed char i8;
typedef unsigned char u8;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;

// ---- What the host hands over (runtime/cuda/README.md has the same in words) ----

// As Outcome in ir/abi.h; then which tape was full, and how many frames it would have held.
struct Report {
  i64 status;
  double t, dt;
  i64 accepted, rejected, site, reverse, component, sample, told;
  i64 forward[4], backward[4];
  i64 tape, frames;
};
struct Tape {
  u8* base;
  i64 stride, capacity;  // bytes from frame to frame; frames
};
struct Frame {
  u8* ports[NODEC_PORTS];
  u8* scratch[NODEC_SCRATCH];
  i64 symbols[NODEC_SYMBOLS];
  Tape tapes[NODEC_TAPES];
  u8* arenas;         // of all chunks
  i64 arenas_shared;  // not 0: each member's is in shared memory, behind what it has there
  Report* report;
  u32* arrived;  // at the team's meetings; 0 once, before the first launch
};
#define NODEC_FRAME_BYTES \
  (8 * (NODEC_PORTS + NODEC_SCRATCH + NODEC_SYMBOLS + 3 * NODEC_TAPES + 4))
#define NODEC_MEMBER_THREADS (32 * NODEC_PARTS)
#define NODEC_BLOCK_THREADS (NODEC_MEMBER_THREADS * NODEC_BLOCK_MEMBERS)

// NODEC_ENTRY(name) { ... frame ... }: the kernel. A frame of up to 4096 bytes is its parameter; of
// a larger one the address is.
#ifdef NODEC_EMULATED
#define NODEC_ENTRY(name)                                              \
  static void name##_body(const Frame& frame);                         \
  extern "C" __global__ void name(const void* const* arguments) {               \
    name##_body(NODEC_FRAME_BYTES <= 4096 ? *(const Frame*)*arguments  \
                                          : **(const Frame* const*)*arguments); \
  }                                                                    \
  static void name##_body(const Frame& frame)
#elif NODEC_FRAME_BYTES <= 4096
#define NODEC_ENTRY(name)                                            \
  extern "C" __global__ void __launch_bounds__(NODEC_BLOCK_THREADS, 1) \
      name(const __grid_constant__ Frame frame)
#else
#define NODEC_ENTRY(name)                                              \
  static __device__ __forceinline__ void name##_body(const Frame& frame); \
  extern "C" __global__ void __launch_bounds__(NODEC_BLOCK_THREADS)    \
      name(const Frame* frame) {                                       \
    name##_body(*frame);                                               \
  }                                                                    \
  static __device__ __forceinline__ void name##_body(const Frame& frame)
#endif
#define NODEC_INLINE static __device__ __forceinline__
#define NODEC_OUTLINE static __device__ __noinline__

// ---- Who a thread is ----

// Asked for anew where it is needed: what follows from it, kept from phase to phase, would take all
// registers.
NODEC_INLINE int block_thread() {
#ifdef NODEC_EMULATED
  return (int)threadIdx.x;
#else
  int x;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(x));
  return x;
#endif
}
NODEC_INLINE int member_thread() {
  return NODEC_BLOCK_MEMBERS == 1 ? block_thread() : block_thread() % NODEC_MEMBER_THREADS;
}
NODEC_INLINE int block_member() {
  return NODEC_BLOCK_MEMBERS == 1 ? 0 : block_thread() / NODEC_MEMBER_THREADS;
}
NODEC_INLINE int slot() { return block_thread() & 15; }
NODEC_INLINE int half() { return block_thread() >> 4 & 1; }
NODEC_INLINE int part() { return member_thread() >> 5; }
NODEC_INLINE int member() { return (int)blockIdx.x * NODEC_BLOCK_MEMBERS + block_member(); }
NODEC_INLINE int members() { return (int)gridDim.x * NODEC_BLOCK_MEMBERS; }
NODEC_INLINE int team_thread() { return (int)blockIdx.x * NODEC_BLOCK_THREADS + block_thread(); }
NODEC_INLINE int team_threads() { return (int)gridDim.x * NODEC_BLOCK_THREADS; }

// ---- Memory ----

#ifdef NODEC_EMULATED
#define NODEC_SHARED (nodec_emulated_self.shared)
#else
extern __shared__ __align__(64) u8 nodec_shared[];
#define NODEC_SHARED nodec_shared
#endif

// This member's, of NODEC_SHARED_BYTES.
NODEC_INLINE u8* shared_memory(const Frame& frame) {
  if (NODEC_BLOCK_MEMBERS == 1) return NODEC_SHARED;
  return NODEC_SHARED +
         block_member() * (NODEC_SHARED_BYTES + (frame.arenas_shared ? NODEC_ARENA_BYTES : 0));
}
// The chunk's, of NODEC_ARENA_BYTES; in shared memory only where a member has one chunk at most.
NODEC_INLINE u8* arena(const Frame& frame, int chunk) {
  if (frame.arenas_shared) return shared_memory(frame) + NODEC_SHARED_BYTES;
  return frame.arenas + (i64)chunk * NODEC_ARENA_BYTES;
}

// `count` neighbours as one access; p is a multiple of their size.
template <typename T, int count>
struct __align__(sizeof(T) * count) Run {
  T at[count];
};
template <int count, typename T>
NODEC_INLINE Run<T, count> load_run(const T* p) {
  return *(const Run<T, count>*)p;
}

// ---- Meetings ----

#ifdef NODEC_EMULATED
// A member's threads meet; what each wrote before, the others see behind.
NODEC_INLINE void meet(int line = __builtin_LINE()) {
  nodec_emulated_table.meet(block_member(), NODEC_MEMBER_THREADS, line);
}
// The same, and whether it holds for one of them.
NODEC_INLINE bool meet_any(bool holds, int line = __builtin_LINE()) {
  return nodec_emulated_table.meet_any(block_member(), NODEC_MEMBER_THREADS, holds, line);
}
// All threads of the team meet.
NODEC_INLINE void team_meet(const Frame& frame, int line = __builtin_LINE()) {
  nodec_emulated_table.team_meet(line);
}
#else
NODEC_INLINE void meet() {
#if NODEC_BLOCK_MEMBERS == 1
  __syncthreads();
#elif NODEC_PARTS == 1
  __syncwarp();
#else
  asm volatile("bar.sync %0, %1;" ::"r"(block_member() + 1), "n"(NODEC_MEMBER_THREADS) : "memory");
#endif
}
NODEC_INLINE bool meet_any(bool holds) {
#if NODEC_BLOCK_MEMBERS == 1
  return __syncthreads_or(holds) != 0;
#elif NODEC_PARTS == 1
  __syncwarp();
  return __any_sync(0xffffffffu, holds) != 0;
#else
  int any;
  asm volatile(
      "{ .reg .pred p, q; setp.ne.s32 p, %3, 0; bar.red.or.pred q, %1, %2, p; "
      "selp.s32 %0, 1, 0, q; }"
      : "=r"(any)
      : "r"(block_member() + 1), "n"(NODEC_MEMBER_THREADS), "r"((int)holds)
      : "memory");
  return any != 0;
#endif
}

// One block, one cluster or all of the grid: the launch decides.
NODEC_OUTLINE void team_meet(const Frame& frame) {
  if (gridDim.x == 1) {
    __syncthreads();
    return;
  }
#if __CUDA_ARCH__ >= 900
  u32 cluster;
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(cluster));
  if (cluster == gridDim.x) {
    asm volatile(
        "barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::
            : "memory");
    return;
  }
#endif
  __syncthreads();
  if (threadIdx.x == 0) {
    // Each meeting adds 2^31 in all, whatever the team: its end is the highest bit's change.
    const u32 mine = blockIdx.x == 0 ? 0x80000000u - (gridDim.x - 1) : 1u;
    u32 before, now;
    asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], %2;"
                 : "=r"(before)
                 : "l"(frame.arrived), "r"(mine)
                 : "memory");
    do {
      asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
                   : "=r"(now)
                   : "l"(frame.arrived)
                   : "memory");
    } while (((before ^ now) & 0x80000000u) == 0);
  }
  __syncthreads();
}
#endif

// What the thread `distance` slots further holds, within half a warp; beyond it the own value. All
// threads of the warp come here.
#ifdef NODEC_EMULATED
template <typename T>
NODEC_INLINE T shift_lanes(T x, int distance, int line = __builtin_LINE()) {
  u64 bits = 0;
  __builtin_memcpy(&bits, &x, sizeof x);
  bits = nodec_emulated_table.shift_lanes(bits, distance, line);
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
#else
template <typename T>
NODEC_INLINE T shift_lanes(T x, int distance) {
  return __shfl_down_sync(0xffffffffu, x, distance, 16);
}
NODEC_INLINE bool shift_lanes(bool x, int distance) { return shift_lanes((int)x, distance) != 0; }
#endif

// ---- Arithmetic ----
// Of floats + - * / are what C++ says, rounded to nearest, and never merged.

NODEC_INLINE float fma_rn(float a, float b, float c) { return __fmaf_rn(a, b, c); }
NODEC_INLINE double fma_rn(double a, double b, double c) { return __fma_rn(a, b, c); }
NODEC_INLINE float square_root(float x) { return __fsqrt_rn(x); }
NODEC_INLINE double square_root(double x) { return __dsqrt_rn(x); }
NODEC_INLINE float absolute(float x) { return __int_as_float(__float_as_int(x) & 0x7fffffff); }
NODEC_INLINE double absolute(double x) {
  return __longlong_as_double(__double_as_longlong(x) & 0x7fffffffffffffffll);
}
NODEC_INLINE float negative(float x) { return __int_as_float(__float_as_int(x) ^ (int)0x80000000); }
NODEC_INLINE double negative(double x) {
  return __longlong_as_double(__double_as_longlong(x) ^ (i64)0x8000000000000000ull);
}
NODEC_INLINE float round_even(float x) { return rintf(x); }
NODEC_INLINE double round_even(double x) { return rint(x); }
NODEC_INLINE float round_down(float x) { return floorf(x); }
NODEC_INLINE double round_down(double x) { return floor(x); }

// Integers wrap.
NODEC_INLINE int add(int a, int b) { return (int)((u32)a + (u32)b); }
NODEC_INLINE int subtract(int a, int b) { return (int)((u32)a - (u32)b); }
NODEC_INLINE int multiply(int a, int b) { return (int)((u32)a * (u32)b); }
NODEC_INLINE int negative(int a) { return (int)(0u - (u32)a); }
NODEC_INLINE i64 add(i64 a, i64 b) { return (i64)((u64)a + (u64)b); }
NODEC_INLINE i64 subtract(i64 a, i64 b) { return (i64)((u64)a - (u64)b); }
NODEC_INLINE i64 multiply(i64 a, i64 b) { return (i64)((u64)a * (u64)b); }
NODEC_INLINE i64 negative(i64 a) { return (i64)(0ull - (u64)a); }
NODEC_INLINE int shift_left(int a, int bits) { return (int)((u32)a << bits); }
NODEC_INLINE i64 shift_left(i64 a, int bits) { return (i64)((u64)a << bits); }
NODEC_INLINE int shift_right(int a, int bits) { return (int)((u32)a >> bits); }
NODEC_INLINE i64 shift_right(i64 a, int bits) { return (i64)((u64)a >> bits); }
NODEC_INLINE int shift_right_signed(int a, int bits) { return a >> bits; }
NODEC_INLINE i64 shift_right_signed(i64 a, int bits) { return a >> bits; }
NODEC_INLINE int multiply_high(int a, int b) { return (int)__umulhi((u32)a, (u32)b); }

// One of two, as it is: of -0 and +0, and of NaN, no min or max may be made of it.
NODEC_INLINE bool select(bool p, bool a, bool b) { return p ? a : b; }
NODEC_INLINE int select(bool p, int a, int b) { return p ? a : b; }
NODEC_INLINE i64 select(bool p, i64 a, i64 b) { return p ? a : b; }
#ifdef NODEC_EMULATED
NODEC_INLINE float select(bool p, float a, float b) { return p ? a : b; }
NODEC_INLINE double select(bool p, double a, double b) { return p ? a : b; }
#else
NODEC_INLINE float select(bool p, float a, float b) {
  float x;
  asm("{ .reg .pred p; setp.ne.s32 p, %3, 0; selp.f32 %0, %1, %2, p; }"
      : "=f"(x)
      : "f"(a), "f"(b), "r"((int)p));
  return x;
}
NODEC_INLINE double select(bool p, double a, double b) {
  double x;
  asm("{ .reg .pred p; setp.ne.s32 p, %3, 0; selp.f64 %0, %1, %2, p; }"
      : "=d"(x)
      : "d"(a), "d"(b), "r"((int)p));
  return x;
}
#endif

// ---- Conversions ----
// To an integer: cut off, saturated, 0 of NaN.
NODEC_INLINE int to_i32(bool x) { return x ? 1 : 0; }
NODEC_INLINE int to_i32(int x) { return x; }
NODEC_INLINE int to_i32(i64 x) { return (int)(u32)(u64)x; }
NODEC_INLINE int to_i32(float x) { return x == x ? __float2int_rz(x) : 0; }
NODEC_INLINE int to_i32(double x) { return x == x ? __double2int_rz(x) : 0; }
NODEC_INLINE i64 to_i64(bool x) { return x ? 1 : 0; }
NODEC_INLINE i64 to_i64(int x) { return x; }
NODEC_INLINE i64 to_i64(i64 x) { return x; }
NODEC_INLINE i64 to_i64(float x) { return x == x ? __float2ll_rz(x) : 0; }
NODEC_INLINE i64 to_i64(double x) { return x == x ? __double2ll_rz(x) : 0; }
NODEC_INLINE float to_f32(bool x) { return x ? 1.0f : 0.0f; }
NODEC_INLINE float to_f32(int x) { return __int2float_rn(x); }
NODEC_INLINE float to_f32(i64 x) { return __ll2float_rn(x); }
NODEC_INLINE float to_f32(float x) { return x; }
NODEC_INLINE float to_f32(double x) { return __double2float_rn(x); }
NODEC_INLINE double to_f64(bool x) { return x ? 1.0 : 0.0; }
NODEC_INLINE double to_f64(int x) { return __int2double_rn(x); }
NODEC_INLINE double to_f64(i64 x) { return __ll2double_rn(x); }
NODEC_INLINE double to_f64(float x) { return (double)x; }
NODEC_INLINE double to_f64(double x) { return x; }
NODEC_INLINE int bits_of(float x) { return __float_as_int(x); }
NODEC_INLINE i64 bits_of(double x) { return __double_as_longlong(x); }
NODEC_INLINE float float_of(int bits) { return __int_as_float(bits); }
NODEC_INLINE double double_of(i64 bits) { return __longlong_as_double(bits); }

// ---- What a run reports ----
// The team's first thread alone writes the report; the host makes it new before a launch.

NODEC_INLINE bool is_first() { return team_thread() == 0; }

// The address of frame n, to write it: the next, or one that was written (`written` of this tape so
// far: a number that every thread keeps alike). Null: there is none; the program ends with the
// status TapeLimit, and the host looks at the report for more.
NODEC_INLINE u8* tape_write(const Frame& frame, int tape, i64 n, i64& written) {
  const Tape& t = frame.tapes[tape];
  const bool known = n >= 0 && n <= written;
  if (known && n < t.capacity) {
    if (n == written) ++written;
    return t.base + n * t.stride;
  }
  if (is_first()) {
    frame.report->tape = tape;
    frame.report->frames = known ? n + 1 : -1;
  }
  return 0;
}
// To read a frame that was written; null: it is none.
NODEC_INLINE u8* tape_read(const Frame& frame, int tape, i64 n, const i64& written) {
  const Tape& t = frame.tapes[tape];
  if (n >= 0 && n < written) return t.base + n * t.stride;
  if (is_first()) {
    frame.report->tape = tape;
    frame.report->frames = -1;
  }
  return 0;
}
