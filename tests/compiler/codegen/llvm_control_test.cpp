// Loops, branches, functions and early returns, run as machine code.
#include <doctest/doctest.h>

#include "tests/compiler/codegen/harness.h"

using namespace nodec;
using nodec::testing::compile;
using nodec::testing::Program;

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
    const auto artifact = compile(cpu_target("native", lanes), signature, [&](Program& p) {
      Emitter& e = p.e;
      const Code x = p.port(0), y = p.port(1), n = p.symbol(0);
      const auto turns = e.loop(p.index(0), n, lanes, {p.index(0)}, [&](Code i, Emitter::Values s) {
        const Code left = e.sub(n, i);
        const Code v = e.load_lanes_masked(x, i, Dtype::F32, left);
        const Code twice = e.fma(v, e.constant(Scalar::F32, 2), e.constant(Scalar::F32, 1));
        e.store_masked(y, i, Dtype::F32, twice, left);
        return Emitter::Values{e.add(s[0], p.index(1))};
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
