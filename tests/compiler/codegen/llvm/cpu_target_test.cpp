// Requests for processors and lanes, and the words in which the impossible ones are refused.
#include "compiler/codegen/llvm/cpu_target.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "ir/error.h"

using namespace nodec;

namespace {

std::string message(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("the native target has fma and lanes to match its vectors") {
  const CpuTarget target = cpu_target("native");
  CHECK(target.features.find("+fma") != std::string::npos);
  const bool wide = target.features.find("+avx512vl") != std::string::npos;
  CHECK(target.lanes == (wide ? 16 : 8));
  CHECK(target.cpu == (wide ? "x86-64-v4" : "x86-64-v3"));
  CHECK(cpu_target("native", 4).lanes == 4);
}

TEST_CASE("a level of x86-64 is the same features on every machine") {
  const CpuTarget target = cpu_target("x86-64-v3");
  CHECK(target.features ==
        "+avx,+avx2,+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sahf,+sse3,+sse4.1,+sse4.2,"
        "+ssse3,+xsave");
  CHECK(target.lanes == 8);
  CHECK(target.cpu == "x86-64-v3");
}

TEST_CASE("requests that cannot be met say what is missing") {
  CHECK(message([] { cpu_target("x86-64"); }) ==
        "error: processor 'x86-64' lacks the feature fma\n"
        "  help: programs need fused multiply-add: use x86-64-v3 or later (AVX2)");
  CHECK(message([] { cpu_target("pentium"); }) ==
        "error: unknown processor 'pentium'\n"
        "  help: set NODEC_CPU to native, x86-64-v3 or x86-64-v4");
  CHECK(message([] { cpu_target("native", 5); }) ==
        "error: a vector has 16, 8 or 4 lanes, not 5\n  help: set NODEC_LANES to 16, 8 or 4");
}

TEST_CASE("the environment narrows the target") {
  setenv("NODEC_CPU", "x86-64-v3", 1);
  setenv("NODEC_LANES", "16", 1);
  CHECK(cpu_target_from_environment().name == "x86-64-v3");
  CHECK(cpu_target_from_environment().lanes == 16);
  setenv("NODEC_LANES", "many", 1);
  CHECK(message([] { cpu_target_from_environment(); }) ==
        "error: NODEC_LANES is 'many'\n  help: set NODEC_LANES to 16, 8 or 4");
  unsetenv("NODEC_CPU");
  unsetenv("NODEC_LANES");
  CHECK(cpu_target_from_environment().name == "native");
}
