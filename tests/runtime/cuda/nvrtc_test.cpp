// NVRTC: where it is looked for, what it says, and the hand-written kernels compiled by it for
// every architecture. What needs it is skipped by name where it is not.
#include "runtime/cuda/nvrtc.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "runtime/cuda/shared_library.h"
#include "tests/contains.h"
#include "tests/runtime/cuda/nvrtc_here.h"
#include "tests/runtime/cuda/programs.h"
#include "tests/setting.h"
#include "tools/ptx_audit.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

// All of the prologue, so that all of it is looked at.
const char* const kEverything = R"(
  const float* x = (const float*)frame.ports[0];
  const double* d = (const double*)frame.ports[1];
  float* y = (float*)frame.ports[2];
  double* z = (double*)frame.ports[3];
  i64* n = (i64*)frame.ports[4];
  const int t = team_thread();
  const Run<float, 4> run = load_run<4>(x + 4 * t);
  float a = run.at[0] * run.at[1] + run.at[2] - run.at[3] / run.at[0];
  double b = d[t] * d[t + 1] + d[t] / d[t + 1] - 1.0;
  a = fma_rn(a, a, square_root(absolute(a))) + round_even(a) * round_down(negative(a));
  b = fma_rn(b, b, square_root(absolute(b))) + round_even(b) * round_down(negative(b));
  a = select(a < 0.0f, 0.0f, a);
  a = select(1.0f < a, 1.0f, a);
  b = select(b < 0.0, 0.0, b);
  i64 i = multiply(to_i64(a) + to_i64(b), 3ll) + to_i32(a) + to_i32(b) + to_i32(n[t]);
  i = add(shift_left(i, 3), shift_right(i, 2)) + subtract(negative(i), shift_right_signed(i, 1));
  int j = multiply_high(to_i32(i), 77) + shift_left(5, t) + shift_right(t, 1) + multiply(t, 9);
  a += to_f32(i) + to_f32(j) + to_f32(b) + to_f32(a < 3.0f) + float_of(bits_of(a) ^ 1);
  b += to_f64(i) + to_f64(j) + to_f64(a) + to_f64(b < 3.0) + double_of(bits_of(b) ^ 1);
  float* shared = (float*)shared_memory(frame);
  float* own = (float*)arena(frame, member());
  shared[member_thread()] = a;
  own[member_thread()] = a;
  meet();
  a += shared[member_thread() ^ 1] + own[member_thread() ^ 1];
  if (meet_any(a > 1.0f)) a = a + 1.0f;
  for (int width = 8; width > 0; width /= 2) {
    a = a + shift_lanes(a, width);
    b = b + shift_lanes(b, width);
    i = add(i, shift_lanes(i, width));
    j = select(shift_lanes(a < 1.0f, width), j, add(j, 1));
  }
  team_meet(frame);
  i64 written = 0;
  u8* at = tape_write(frame, 0, n[0], written);
  const u8* from = tape_read(frame, 0, n[1], written);
  if (!at || !from) return;
  ((float*)at)[t] = a + (float)from[t];
  y[t] = a;
  z[t] = b;
  n[t] = i + j + slot() + half() + part() + members() + team_threads();)";

}  // namespace

TEST_CASE("the newest NVRTC that the driver takes is taken, and known without being loaded") {
  const auto found = nvrtc_here();
  if (found == nullptr) return;
  CHECK(found->major() >= 12);
  CHECK(Nvrtc::identity() == file_identity(found->path()));
  const Setting setting("NODEC_NVRTC", found->path());
  CHECK(Nvrtc::open()->path() == found->path());
  const std::string told = message([] { Nvrtc::open(11); });
  CHECK(contains(told, fmt::format("it is version {}.{}, the driver takes code up to 11",
                                   found->major(), found->minor())));
}

TEST_CASE("all of the prologue compiles for every architecture, without spills or estimates") {
  const auto compiler = nvrtc_here();
  if (compiler == nullptr) return;
  for (const KernelShape& shape :
       {KernelShape{.ports = 5, .parts = 2, .shared_bytes = 256, .arena_bytes = 256},
        KernelShape{
            .ports = 5, .parts = 1, .block_members = 4, .shared_bytes = 128, .arena_bytes = 128},
        KernelShape{.ports = 5,
        .parts = 2,
        .block_members = 2,
        .shared_bytes = 256,
        .arena_bytes = 256,
        .symbols = 600}}) {
    const std::string text = kernel_text(shape, kEverything);
    for (const char* architecture : {"sm_80", "sm_90", "sm_100", "sm_120"}) {
      CAPTURE(architecture);
      const CudaCode code = compiler->compile(text, "everything", architecture);
      CHECK(code.cubin.size() > 1000);
      CHECK(code.spill_bytes == 0);
      CHECK(code.registers > 0);
      CHECK(ptx_faults(code.ptx) == "");
      CHECK(contains(code.ptx, "fma.rn.f32"));
      CHECK(contains(code.ptx, fmt::format(".target {}", architecture)));
      CHECK(contains(code.ptx, "barrier.cluster") == (std::string(architecture) != "sm_80"));
    }
  }
}

TEST_CASE("programs of the runtime's tests compile") {
  const auto compiler = nvrtc_here();
  if (compiler == nullptr) return;
  for (const Artifact& artifact : {gpu_doubling(), gpu_counting(), gpu_taping()}) {
    const CudaCode code = compiler->compile(unpack(artifact.object).text, "kernel", "sm_90");
    CHECK(ptx_faults(code.ptx) == "");
    CHECK(code.spill_bytes == 0);
  }
}

TEST_CASE("what NVRTC says of a text that is wrong is shown") {
  const auto compiler = nvrtc_here();
  if (compiler == nullptr) return;
  const std::string told =
      message([&] { compiler->compile(kernel_text({}, "\nundeclared = 1;"), "wrong", "sm_90"); });
  CHECK(contains(told, "did not compile 'wrong' for sm_90: NVRTC_ERROR_COMPILATION"));
  CHECK(contains(told, "kernel.cu(2)"));
}
