// Text to a library: the compiler that is asked, what it says, and the cache.
#include "runtime/emulator/program.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "ir/error.h"
#include "tests/runtime/cuda/kernels.h"
#include "tests/runtime/doubling.h"
#include "tests/setting.h"

using namespace nodec;
using namespace nodec::testing;
namespace emu = nodec::emulator;

TEST_CASE("a program is compiled once and then found in the cache") {
  const TemporaryFolder folder;
  const Setting cache("NODEC_CACHE_DIR", folder.path().string());
  const std::string text = kernel_text({}, "frame.report->t = 1.0;");
  CHECK_NOTHROW(emu::Program::compile(text, "kernel"));
  // Now without a compiler that works: same path, same size, same time would be needed to hit.
  const auto entries = [&] {
    return std::distance(std::filesystem::directory_iterator(folder.path()), {});
  };
  const auto before = entries();
  CHECK(before >= 1);
  CHECK_NOTHROW(emu::Program::compile(text, "kernel"));
  CHECK(entries() == before);
  CHECK(emu::Program::compile(text, "kernel", {.watched = true})->watched());
  CHECK(entries() > before);
}

TEST_CASE("without a compiler the error says what to install") {
  const Setting compiler("NODEC_CXX", "no-such-compiler");
  CHECK(message([] { emu::Program::compile("", "kernel"); }) ==
        "error: the emulated GPU needs a C++ compiler, and there is no 'no-such-compiler' "
        "(NODEC_CXX)\n  help: install g++, or name a compiler in NODEC_CXX");
}

TEST_CASE("what the compiler says of a text that is wrong is shown") {
  const std::string told =
      message([] { emu::Program::compile(kernel_text({}, "\nundeclared = 1;"), "kernel"); });
  CHECK(told.find("did not compile a program for the emulated GPU (exit 1)") != std::string::npos);
  CHECK(told.find("kernel.cu:2") != std::string::npos);
}

TEST_CASE("clang compiles the same text") {
  if (std::system("command -v clang++ >/dev/null") != 0) {
    MESSAGE("skipped: there is no clang++ here");
    return;
  }
  const Setting compiler("NODEC_CXX", "clang++");
  const std::string text = kernel_text({}, "frame.report->t = 1.0;");
  CHECK_NOTHROW(emu::Program::compile(text, "kernel"));
  CHECK_NOTHROW(emu::Program::compile(text, "kernel", {.watched = true}));
}
