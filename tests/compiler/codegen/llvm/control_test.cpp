// Loops, branches, functions and early returns, run as machine code.
#include <doctest/doctest.h>

#include "tests/compiler/codegen/llvm/harness.h"

using namespace nodec;
using nodec::testing::compile;
using nodec::testing::Entry;

namespace {

Type array(Dtype dtype, Dim n) { return Type::tensor(dtype, {n}); }

}  // namespace

TEST_CASE("a rolled loop runs over blocks of lanes, carries state and masks the tail") {
  for (int lanes : {16, 8, 4}) {
    CAPTURE(lanes);
    Signature signature;
    signature.inputs = {{"x", array(Dtype::F32, Dim::symbol("n"))}};
    signature.outputs = {{"y", array(Dtype::F32, Dim::symbol("n"))},
                         {"turns", Type::scalar(Dtype::I64)}};
    signature.symbols = {"n"};
    const auto artifact = compile(cpu_target("native", lanes), signature, [&](Entry& p) {
      Emitter& e = p.e;
      const Code x = p.port(0), y = p.port(1), n = p.symbol(0);
      const auto turns =
          e.loop(p.index(0), n, p.index(lanes), {p.i64(0)}, [&](Code i, Emitter::Values s) {
            const Code left = e.sub(n, i);
            const Code v = e.load_lanes_masked(x, i, Dtype::F32, left);
            const Code twice = e.fma(v, e.constant(Scalar::F32, 2), e.constant(Scalar::F32, 1));
            e.store_masked(y, i, Dtype::F32, twice, left);
            return Emitter::Values{e.add(s[0], p.i64(1))};
          });
      e.store(p.port(2), p.index(0), Dtype::I64, turns[0]);
    });
    const auto program = load(artifact);
    Tensor x(Dtype::F32, {37}), y(Dtype::F32, {37}), turns(Dtype::I64, {});
    for (int i = 0; i < 37; ++i) x.values<float>()[i] = float(i);
    const TensorView inputs[] = {x}, outputs[] = {y, turns};
    const Outcome outcome = program->call(inputs, outputs);
    CHECK(outcome.status == 0);
    for (int i = 0; i < 37; ++i) CHECK(y.values<float>()[i] == 2 * float(i) + 1);
    CHECK(turns.values<std::int64_t>()[0] == (37 + lanes - 1) / lanes);
  }
}

TEST_CASE("a while loop tests before each turn, and branches join their values") {
  // Collatz: how many turns until 1.
  for (int lanes : {16, 4}) {
    Tensor starts = Tensor::of<std::int64_t>({4}, {1, 6, 27, 97}), turns(Dtype::I64, {4});
    nodec::testing::run(cpu_target("native", lanes), {&starts}, {&turns}, [&](Entry& p) {
      Emitter& e = p.e;
      const Code one = p.i64(1);
      e.loop(p.index(0), p.index(4), p.index(1), {},
             [&](Code i, Emitter::Values) -> Emitter::Values {
               const Code n = e.load(p.port(0), i, Dtype::I64);
               const auto last = e.while_loop(
                   {n, p.i64(0)},
                   [&](const Emitter::Values& s) { return e.compare(Compare::Ne, s[0], one); },
                   [&](Emitter::Values s) -> Emitter::Values {
                     const Code half = e.shift_right(s[0], 1);
                     const Code even = e.compare(Compare::Eq, e.mul(half, p.i64(2)), s[0]);
                     const auto next = e.branch(
                         even, [&] { return Emitter::Values{half}; },
                         [&] { return Emitter::Values{e.add(e.mul(s[0], p.i64(3)), one)}; });
                     return {next[0], e.add(s[1], one)};
                   });
               e.store(p.port(1), i, Dtype::I64, last[1]);
               return {};
             });
    });
    const auto values = turns.values<std::int64_t>();
    CHECK(std::vector(values.begin(), values.end()) == std::vector<std::int64_t>{0, 8, 111, 118});
  }
}

TEST_CASE("a branch may yield a uniform value on one side and a varying one on the other") {
  const Tensor choose = Tensor::of<std::int32_t>({}, {1});
  Tensor y(Dtype::F32, {8});
  nodec::testing::run(cpu_target("native", 8), {&choose}, {&y}, [&](Entry& p) {
    Emitter& e = p.e;
    const Code c = e.load(p.port(0), p.index(0), Dtype::I32);
    const auto joined = e.branch(
        e.compare(Compare::Eq, c, e.constant(Scalar::I32, 1)),
        [&] { return Emitter::Values{e.constant(Scalar::F32, 3)}; },
        [&] { return Emitter::Values{e.convert(e.lane_index(), Scalar::F32)}; });
    CHECK(joined[0].varying);
    e.store(p.port(1), p.index(0), Dtype::F32, joined[0]);
  });
  for (float value : y.values<float>()) CHECK(value == 3);
}

TEST_CASE("functions are called many times, keep locals of their own and return early") {
  const Tensor x = Tensor::of<double>({3}, {1, -1, 4});
  Tensor y(Dtype::F64, {3});
  nodec::testing::run(cpu_target("native", 8), {&x}, {&y}, [&](Entry& p) {
    Emitter& e = p.e;
    const Scalar kinds[] = {Scalar::Pointer, Scalar::F64, Scalar::Index};
    const int square_if_positive =
        e.function(Scope::Member, "square_if_positive", kinds, [&](std::span<const Code> a) {
          const Code cell = e.local(8), zero = e.constant(Scalar::F64, 0);
          e.return_if(e.compare(Compare::Lt, a[1], zero));
          e.store(cell, p.index(0), Dtype::F64, a[1]);
          const Code v = e.load(cell, p.index(0), Dtype::F64);
          e.store(a[0], a[2], Dtype::F64, e.mul(v, v));
        });
    const Code in = p.port(0), out = p.port(1);
    e.loop(p.index(0), p.index(3), p.index(1), {}, [&](Code i, Emitter::Values) -> Emitter::Values {
      const Code arguments[] = {out, e.load(in, i, Dtype::F64), i};
      e.call(square_if_positive, arguments);
      return {};
    });
  });
  CHECK(y.values<double>()[0] == 1);
  CHECK(y.values<double>()[1] == 0);
  CHECK(y.values<double>()[2] == 16);
}

TEST_CASE("threads meet at the runtime's barrier and find the tape's frames") {
  Signature signature;
  signature.outputs = {{"seen", array(Dtype::I64, 4)}};
  signature.tapes = {{"t", Dim(64)}};
  const auto artifact = compile(cpu_target("native", 8), signature, [&](Entry& p) {
    Emitter& e = p.e;
    // All write the frames; member i has what is in frame i + 20, and its neighbour reads it there.
    const Code me = e.member();
    const auto square = [&](Code n) { return e.convert(e.mul(n, n), Scalar::I64); };
    const auto from_20 = [&](Code n) { return e.add(n, p.index(20)); };
    for (int n = 0; n < 24; ++n) e.tape_frame(p.index(0), p.index(n), true);
    const Code mine = e.tape_frame(p.index(0), from_20(me), true);
    e.store(mine, p.index(0), Dtype::I64, square(me));
    e.barrier(Scope::Team);
    const Code next = e.bit_and(e.add(me, p.index(1)), p.index(3));
    const Code other = e.tape_frame(p.index(0), from_20(next), false);
    e.store(p.port(0), me, Dtype::I64, e.load(other, p.index(0), Dtype::I64));
  });
  const auto program = load(artifact);
  CallOptions options;
  options.threads = 4;
  options.exact_team = true;
  for (int turn = 0; turn < 20; ++turn) {
    const auto outputs = program->run({}, options);
    const auto seen = outputs[0].values<std::int64_t>();
    REQUIRE(std::vector(seen.begin(), seen.end()) == std::vector<std::int64_t>{1, 4, 9, 0});
  }
  CHECK(program->tape_growths() == 1);
}

TEST_CASE("an object that calls anything but the runtime is refused by name") {
  const auto artifact = compile(cpu_target("native", 8), {}, [&](Entry& p) {
    calls(p, "memcpy");
    p.e.barrier(Scope::Team);
  });
  CHECK_THROWS_WITH_AS(load(artifact),
                       "error: the object of 'test_program' cannot be linked: it calls memcpy, "
                       "which the runtime does not have",
                       Error);
  Artifact damaged = artifact;
  damaged.object.resize(100);
  CHECK_THROWS_AS(load(damaged), Error);
}

TEST_CASE("misuse of the emitter is our own mistake, named") {
  LlvmModule module(cpu_target("native", 8));
  module.begin_entry("f");
  Emitter& e = module.emitter();
  const Code x = e.constant(Scalar::F32, 1), n = e.constant(Scalar::I64, 1);
  CHECK_THROWS_AS(e.add(x, n), std::logic_error);
  CHECK_THROWS_AS(e.store(e.outcome(), n, Dtype::F64, x), std::logic_error);
  CHECK_THROWS_AS(e.store(e.outcome(), e.index(1), Dtype::F64, x), std::logic_error);
  const Code one = e.index(1);
  CHECK_THROWS_AS(e.loop(one, one, one, {x},
                         [&](Code, Emitter::Values) { return Emitter::Values{e.broadcast(x)}; }),
                  std::logic_error);
}
