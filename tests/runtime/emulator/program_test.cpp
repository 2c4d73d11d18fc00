// Text to a library: the compiler that is asked, what it says, and the cache.
#include "runtime/emulator/program.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "ir/error.h"
#include "runtime/emulator/emulator.h"
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
  CHECK_NOTHROW(emu::Program::compile({text, "kernel"}));
  const auto entries = [&] {
    return std::distance(std::filesystem::directory_iterator(folder.path()), {});
  };
  const auto before = entries();
  CHECK(before >= 1);
  CHECK_NOTHROW(emu::Program::compile({text, "kernel"}));
  CHECK(entries() == before);
  CHECK(emu::Program::compile({text, "kernel"}, {.watched = true})->watched());
  CHECK(entries() > before);
}

TEST_CASE("many programs are compiled together, whatever each defines, and found again") {
  const TemporaryFolder folder;
  const Setting cache("NODEC_CACHE_DIR", folder.path().string());
  std::vector<emu::Program::Source> sources;
  for (int i = 1; i <= 45; ++i) {
    const KernelShape shape{.ports = i};
    sources.push_back(
        {kernel_text(
             shape, fmt::format("*(i64*)frame.ports[0] = LOCAL + {} * NODEC_PORTS;", i),
             fmt::format("#define LOCAL {}\nstatic __constant__ int table[1] = {{{}}};", i, i)),
         "kernel"});
  }
  const auto programs = emu::Program::compile_all(sources);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 3);
  for (int i = 1; i <= 45; ++i) {
    KernelFrame frame({.ports = i});
    std::int64_t y = 0;
    frame.port(0, &y);
    emu::Memory memory;
    CHECK(emu::run(*programs[std::size_t(i - 1)], {}, frame.launch(), memory).empty());
    CHECK(y == i + i * i);
  }
  CHECK(emu::Program::compile(sources[7]) == programs[7]);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("without a compiler the error says what to install") {
  const Setting compiler("NODEC_CXX", "no-such-compiler");
  CHECK(message([] {
          emu::Program::compile({"", "kernel"});
        }) ==
        "error: the emulated GPU needs a C++ compiler, and there is no 'no-such-compiler' "
        "(NODEC_CXX)\n  help: install g++, or name a compiler in NODEC_CXX");
}

TEST_CASE("what the compiler says of a text that is wrong is shown") {
  const std::string told = message([] {
    emu::Program::compile({kernel_text({}, "\nundeclared = 1;"), "kernel"});
  });
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
  CHECK_NOTHROW(emu::Program::compile({text, "kernel"}));
  CHECK_NOTHROW(emu::Program::compile({text, "kernel"}, {.watched = true}));
}
