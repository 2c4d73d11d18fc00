// What debuggers and profilers are shown changes no instruction; and whose lines they see.
#include <doctest/doctest.h>

#include "compiler/pipeline.h"
#include "tests/compiler/codegen/llvm/harness.h"
#include "tests/compiler/codegen/op_at.h"
#include "tests/compiler/oracle.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

// A loop, and functions with lines of two files and with none.
void twice_from_lines(Entry& p) {
  const auto at = [&](SourceLine where) {
    const Op op = op_at(exp_p, std::move(where));
    p.e.at(&op);
  };
  const int none = p.e.function(Scope::Member, "none", {}, [](auto) {});
  const Scalar pointer[] = {Scalar::Pointer};
  const int fill = p.e.function(Scope::Member, "fill", pointer, [&](std::span<const Code> x) {
    p.e.call(none, {});
    at({"/source/model.cpp", 12});
    p.e.store(x[0], p.index(0), Dtype::F64, p.e.constant(Scalar::F64, 1));
    at({"/source/layers.h", 7});
    p.e.store(x[0], p.index(1), Dtype::F64, p.e.constant(Scalar::F64, 2));
  });
  at({"/source/model.cpp", 13});
  at({});
  p.e.at(nullptr);
  p.e.loop(p.index(0), p.index(2), p.index(1), {}, [&](Code, Emitter::Values) {
    const Code arguments[] = {p.port(0)};
    p.e.call(fill, arguments);
    return Emitter::Values{};
  });
}

std::string assembly_for(const Debug& debug) {
  LlvmModule module(cpu_target("x86-64-v3", 8), debug);
  write(module, twice_from_lines);
  return module.assembly();
}

// Instructions alone.
std::vector<std::string> instructions(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1) {
    const std::string line = text.substr(at, end - at);
    if (line.starts_with("\t") && !line.starts_with("\t.")) {
      lines.push_back(line.substr(0, line.find('#')));
    }
  }
  return lines;
}

}  // namespace

TEST_CASE("names and lines add tables beside the same instructions") {
  const std::string off = assembly_for({}), names = assembly_for({.names = true});
  const std::string lines = assembly_for({.names = true, .lines = true});
  CHECK(off.find(".cfi_") == off.npos);
  CHECK(off.find(".loc") == off.npos);
  CHECK(names.find(".cfi_def_cfa_offset") != names.npos);
  CHECK(names.find(".loc") == names.npos);
  CHECK(instructions(names) == instructions(off));
  CHECK(instructions(lines) == instructions(off));
  for (const char* line :
       {R"("/source" "model.cpp")", R"("/source" "layers.h")", " 12 0", " 7 0", " 13 0"}) {
    CHECK_MESSAGE(lines.find(line) != lines.npos, std::string(line));
  }
  CHECK(assembly_for({.perf = true}).find(".cfi_") != off.npos);
}

TEST_CASE("programs for debuggers run, and are taken back from them") {
  const Tensor out(Dtype::F64, {2});
  LlvmModule module(cpu_target("native", 8), {.names = true, .lines = true});
  write(module, twice_from_lines);
  Signature signature = signature_of({}, {&out});
  signature.entry = signature.name = "test_program";
  const Artifact artifact{module.object(), signature};
  setenv("NODEC_DEBUG", "lines", 1);
  for (int i = 0; i < 3; ++i) {
    const auto program = load(artifact), again = load(artifact);
    CHECK(program->run({})[0].values<double>()[1] == 2);
    CHECK(again->run({})[0].values<double>()[0] == 1);
  }
  unsetenv("NODEC_DEBUG");
  CHECK(load(artifact)->run({})[0].values<double>()[1] == 2);
}

TEST_CASE("what is shown is part of the key, and a line's place only where lines are") {
  const auto key = [](const char* shown, int line) {
    setenv("NODEC_DEBUG", shown, 1);
    const std::string at = " @ \"model.cpp:" + std::to_string(line) + "\"";
    const std::string text =
        "graph f (%x: f32[2]) {\n  %y = tanh %x : f32[2]" + at + "\n  yield %y\n}";
    const Hash hash = key_of(key_fields(*oracle::read(text)));
    unsetenv("NODEC_DEBUG");
    return hash;
  };
  CHECK((key("", 1) == key("", 2)));
  CHECK((key("names", 1) == key("names", 2)));
  CHECK(!(key("lines", 1) == key("lines", 2)));
  CHECK(!(key("", 1) == key("names", 1)));
  CHECK(!(key("perf", 1) == key("names", 1)));
  CHECK_THROWS_AS(key("all", 1), Error);
  unsetenv("NODEC_DEBUG");
}
