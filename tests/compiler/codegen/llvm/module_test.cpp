// What LLVM makes of the operations, seen in its assembly: whole vectors, no library calls, no
// forming or splitting of fma.
#include <doctest/doctest.h>

#include "tests/compiler/codegen/llvm/harness.h"

using namespace nodec;
using nodec::testing::assembly;
using nodec::testing::Entry;

namespace {

int count(const std::string& text, std::string_view what) {
  int found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

void every_operation(Entry& p) {
  Emitter& e = p.e;
  const Code in = p.port(0), out = p.port(1), count = p.symbol(0);
  std::int64_t next = 0;
  const auto keep = [&](const Code& c, Dtype dtype) {
    e.store(out, p.index(next++ * 16), dtype, c);
  };
  for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
    const Code x = e.load_lanes(in, p.index(0), dtype), y = e.load_lanes(in, p.index(16), dtype);
    for (const Code& c : {e.sqrt(x), e.floor(x), e.round_even(x), e.abs(x), e.div(x, y)}) {
      keep(c, dtype);
    }
    for (const Scalar to : {Scalar::I32, Scalar::I64}) {
      const Code integer = e.convert(x, to);
      keep(integer, to == Scalar::I32 ? Dtype::I32 : Dtype::I64);
      keep(e.convert(e.mul(integer, integer), x.scalar), dtype);
    }
    keep(e.load_lanes_masked(in, p.index(0), dtype, count), dtype);
    keep(e.gather(in, e.convert(e.lane_index(), Scalar::I64), dtype), dtype);
  }
  const Code bytes = e.load_lanes_masked(in, p.index(0), Dtype::U8, count);
  e.store_masked(out, p.index(0), Dtype::U8, e.mul_high_u32(bytes, bytes), count);
}

}  // namespace

TEST_CASE("no operation becomes a library call") {
  for (const CpuTarget& target : testing::targets()) {
    CHECK(count(assembly(target, every_operation), "call") == 0);
  }
}

// LLVM would look at all stores before it, for one that may change it.
TEST_CASE("where an array is, and how many samples there are, no store can change") {
  LlvmModule module(cpu_target("x86-64-v3", 8));
  testing::write(module, every_operation);
  const std::string text = module.llvm_ir();
  CHECK(count(text, "load ptr") + count(text, "load i64") == 6);
  CHECK(count(text, "!invariant.load") == 6);
}

TEST_CASE("a multiplication and an addition stay two, an fma stays one") {
  const auto text = assembly(cpu_target("x86-64-v3", 8), [](Entry& p) {
    Emitter& e = p.e;
    const Code x = e.load_lanes(p.port(0), p.index(0), Dtype::F32);
    e.store(p.port(1), p.index(0), Dtype::F32, e.add(e.mul(x, x), x));
    e.store(p.port(1), p.index(8), Dtype::F32, e.fma(x, x, x));
  });
  CHECK(count(text, "vmulps") == 1);
  CHECK(count(text, "vaddps") == 1);
  CHECK(count(text, "vfmadd") == 1);
  CHECK(count(text, "zmm") == 0);
}

TEST_CASE("a weight used once is an embedded broadcast where the machine has them") {
  const CpuTarget target = cpu_target("native", 16);
  if (target.cpu != "x86-64-v4") return;
  const auto text = assembly(target, [](Entry& p) {
    Emitter& e = p.e;
    const Code in = p.port(0), weights = p.port(1);
    const Code zero = e.broadcast(e.constant(Scalar::F32, 0));
    const auto sums =
        e.loop(p.index(0), p.symbol(0), p.index(1), {zero, zero}, [&](Code k, Emitter::Values s) {
          const Code x = e.load_lanes(in, e.mul(k, p.index(16)), Dtype::F32);
          const Code far = e.add(k, p.index(100));
          return Emitter::Values{e.fma(e.load(weights, k, Dtype::F32), x, s[0]),
                                 e.fma(e.load(weights, far, Dtype::F32), x, s[1])};
        });
    e.store(p.port(2), p.index(0), Dtype::F32, e.add(sums[0], sums[1]));
  });
  CHECK(count(text, "{1to16}") == 2);
  CHECK(count(text, "vbroadcastss") == 0);
}

TEST_CASE("a module counts its instructions, times its translation and prints its IR") {
  LlvmModule module(cpu_target("native", 8));
  testing::write(module, [](Entry& p) {
    p.e.store(p.port(0), p.index(0), Dtype::F32, p.e.constant(Scalar::F32, 1));
  });
  const std::string ir = module.llvm_ir();
  CHECK(ir.find("define void @test_program(ptr nonnull %0, i64 %1)") != std::string::npos);
  CHECK(ir.find("fast") == std::string::npos);
  CHECK(module.report().instructions > 3);
  CHECK(module.object().substr(1, 3) == "ELF");
  CHECK(module.report().codegen_ms > 0);
  CHECK_THROWS_AS(module.object(), std::logic_error);
  CHECK(llvm_version().substr(0, 3) == "19.");
}
