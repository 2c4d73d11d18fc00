// What is said where NVRTC is not, and what is made of its words; nothing here needs it.
#include <doctest/doctest.h>

#include "runtime/cuda/nvrtc.h"
#include "tests/contains.h"
#include "tests/runtime/doubling.h"
#include "tests/setting.h"
#include "tests/temporary_folder.h"
#include "tools/ptx_audit.h"

using namespace nodec;
using namespace nodec::testing;

TEST_CASE("where NVRTC is not, every place tried is told") {
  const TemporaryFolder folder;
  folder.file("libnvrtc.so.13", "no library");
  const Setting setting("NODEC_NVRTC", folder.path().string());
  const std::string told = folder.without_path(message([] { Nvrtc::open(); }));
  CHECK(contains(told, "error: NVRTC, the compiler of GPU programs, is not to be found:"));
  CHECK(contains(told, "\n  DIR/libnvrtc.so.13: file too short"));
  CHECK(contains(told, "\n  DIR/libnvrtc.so.12: cannot open shared object file: No such file"));
  CHECK(contains(told, "\n  help: name libnvrtc.so, or its folder, in NODEC_NVRTC"));
}

TEST_CASE("the assembler's log gives registers and spills") {
  CudaCode code;
  code.log =
      "ptxas info    : Function properties for f\n"
      "    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n"
      "ptxas info    : Used 31 registers, used 1 barriers\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 138 registers, 432 bytes cmem[0]\n";
  read_assembler_log(code);
  CHECK(code.registers == 138);
  CHECK(code.spill_bytes == 16);
}

TEST_CASE("the audit finds what is not IEEE, and nothing else") {
  CHECK(ptx_faults("\tadd.rn.f32 \t%f1, %f2, %f3;\n\tdiv.rn.f64 %fd1, %fd2, %fd3;\n"
                   "\tadd.s32 %r1, %r2, 1;\n\tmul.wide.s32 %rd1, %r1, 4;\n\tmad.lo.s32 %r1, %r2, "
                   "%r3, %r4;\n\tmin.s32 %r1, %r2, %r3;\n\tcvt.rzi.s32.f32 %r1, %f1;\n")
            .empty());
  for (const char* line : {"\tmul.f32 \t%f1, %f2, %f3;", "\tfma.rn.ftz.f32 %f1, %f2, %f3, %f4;",
                           "\tdiv.full.f32 %f1, %f2, %f3;", "\tex2.approx.f32 %f1, %f2;",
                           "\tmin.f32 %f1, %f2, %f3;", "\tmax.NaN.f32 %f1, %f2, %f3;",
                           "\tmad.rn.f32 %f1, %f2, %f3, %f4;", "@%p1 add.f64 %fd1, %fd2, %fd3;"}) {
    CHECK(ptx_faults(std::string(line) + "\n") == std::string(line) + "\n");
  }
  // The lesser of two that is compared and nothing else; of another function %f1 may be used.
  const std::string lesser = "{\n\tmin.f32 %f1, %f2, %f3;\n\tsetp.lt.f32 %p1, %f1, 0f3727C5AC;\n";
  CHECK(
      ptx_faults(lesser + "\tadd.rn.f32 %f4, %f11, %f2;\n}\n{\n\tneg.f32 %f2, %f1;\n}\n").empty());
  CHECK(!ptx_faults(lesser + "\tneg.f32 %f4, %f1;\n}\n").empty());
}
