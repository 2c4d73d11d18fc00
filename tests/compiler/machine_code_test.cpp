// Programs written as text, run by the interpreter and as machine code.
#include "tests/compiler/oracle.h"

namespace nodec {

static void agree(const char* text, double tolerance = 2e-5) {
  oracle::expect_agreement(*oracle::read(text), tolerance);
}

TEST_CASE("elementwise work on samples agrees with the interpreter") {
  agree(R"(graph f batch B (%x: f32[3, B], %b: f32[3]) {
  %1 = broadcast %b {dims = [0], shape = <3, B>} : f32[3, B]
  %2 = add %x, %1 : f32[3, B]
  %3 = tanh %2 : f32[3, B]
  %4 = mul %3, %x : f32[3, B]
  yield %4, %3
})");
}

TEST_CASE("a product, a sum over elements and a sum over the batch agree with the interpreter") {
  agree(R"(graph f batch B (%w: f32[25, 7], %x: f32[7, B]) {
  %1 = matmul %w, %x {ta = false, tb = false} : f32[25, B]
  %2 = sum %1 {axes = [0]} : f32[B]
  %3 = sum %1 {axes = [1]} : f32[25]
  %4 = sum %1 {axes = [0, 1]} : f32[]
  %5 = matmul %1, %x {ta = false, tb = true} : f32[25, 7]
  yield %1, %2, %3, %4, %5
})");
}

TEST_CASE("a sum over the batch can feed the samples again") {
  agree(R"(graph f batch B (%x: f32[4, B]) {
  %1 = sum %x {axes = [1]} : f32[4]
  %2 = broadcast %1 {dims = [0], shape = <4, B>} : f32[4, B]
  %3 = add %x, %2 : f32[4, B]
  %4 = mul %3, %3 : f32[4, B]
  %5 = sum %4 {axes = [0, 1]} : f32[]
  %6 = sqrt %5 : f32[]
  %7 = broadcast %6 {dims = [], shape = <4, B>} : f32[4, B]
  %8 = div %3, %7 : f32[4, B]
  yield %8, %6
})");
}

TEST_CASE("rows of a table become samples") {
  agree(R"(graph f batch B (%t: u8[N, 40], %i: i32[B], %w: f32[5, 40], %g: f32[130, B]) {
  %1 = gather %t, %i : u8[B, 40]
  %2 = cast %1 {to = f32} : f32[B, 40]
  %3 = transpose %2 {perm = [1, 0]} : f32[40, B]
  %4 = matmul %w, %3 {ta = false, tb = false} : f32[5, B]
  %5 = matmul %g, %3 {ta = false, tb = true} : f32[130, 40]
  yield %4, %5
})");
}

TEST_CASE("a table without rows is refused where anything is picked from it") {
  const auto graph = oracle::read(R"(graph f batch B (%t: u8[N, 40], %i: i32[B], %j: i32[P]) {
  %1 = gather %t, %i : u8[B, 40]
  %2 = slice %t {axis = 0, size = <N - 1>, start = 1} : u8[N - 1, 40]
  %3 = gather %2, %j : u8[P, 40]
  yield %1, %3
})");
  const Program program = oracle::compile_fresh(*graph);
  const auto refusal = [&](std::int64_t n, std::int64_t p) -> std::string {
    try {
      const auto inputs = oracle::inputs_for(*graph, {{"B", 20}, {"N", n}, {"P", p}});
      const std::vector<Tensor> got = oracle::run_compiled(program, inputs, 2);
      oracle::expect_close(got, interpret(*graph, inputs), 0);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal(0, 3) ==
        "error: 'slice' in 'f': takes N - 1 from 1 on along axis 0 of 't' u8[N, 40] with N = 0\n"
        "  help: give arrays in which that lies");
  CHECK(refusal(1, 3) ==
        "error: 'gather' in 'f': its table has no rows (u8[N - 1, 40] with N = 1)\n"
        "  help: give it at least one row");
  CHECK(refusal(1, 0).empty());
  CHECK(refusal(2, 3).empty());
  const auto scatter = oracle::read(R"(graph f (%i: i32[3], %x: f32[3, 2], %n: f32[N]) {
  %1 = scatter_add %i, %x {shape = <N, 2>} : f32[N, 2]
  yield %1, %n
})");
  CHECK_THROWS_WITH(oracle::run_compiled(oracle::compile_fresh(*scatter),
                                         oracle::inputs_for(*scatter, {{"N", 0}})),
                    "error: 'scatter_add' in 'f': its table has no rows (f32[N, 2] with N = 0)\n"
                    "  help: give it at least one row");
}

TEST_CASE("samples may come first in a port, and lanes beyond the last one write nothing") {
  agree(R"(graph f batch B (%x: f32[B, 3], %i: i32[B], %t: f32[50, 5]) {
  %1 = constant {dtype = i64, shape = <>, value = 7} : i64[]
  %2 = key %1 : key[]
  %3 = random_uniform %2 {dtype = f32, shape = <B, 3>} : f32[B, 3]
  %4 = add %x, %3 : f32[B, 3]
  %5 = gather %t, %i : f32[B, 5]
  yield %4, %5, %i
})");
}

TEST_CASE("a product over the batch takes samples from either axis") {
  agree(R"(graph f batch B (%x: f32[3, B], %y: f32[B, 5], %u: f32[B, 70], %v: f32[60, B]) {
  %1 = matmul %x, %y {ta = false, tb = false} : f32[3, 5]
  %2 = matmul %y, %y {ta = true, tb = false} : f32[5, 5]
  %3 = matmul %y, %x {ta = true, tb = true} : f32[5, 3]
  %4 = matmul %u, %v {ta = true, tb = true} : f32[70, 60]
  yield %1, %2, %3, %4
})");
}

TEST_CASE("an axis of one element can be broadcast beside others") {
  agree(R"(graph f (%x: f32[1, 1], %y: f32[1], %z: f32[1, 3]) {
  %1 = broadcast %x {dims = [1, 2], shape = <7, 1, 1>} : f32[7, 1, 1]
  %2 = broadcast %y {dims = [1], shape = <40, 1>} : f32[40, 1]
  %3 = tanh %2 : f32[40, 1]
  %4 = slice %z {axis = 1, size = <1>, start = 2} : f32[1, 1]
  %5 = broadcast %4 {dims = [1, 2], shape = <5, 1, 1>} : f32[5, 1, 1]
  yield %1, %2, %3, %5
})");
}

TEST_CASE("what is the same for all samples can stand where samples are multiplied") {
  agree(R"(graph f batch B (%k: f32[], %w: f32[70], %x: f32[70, B]) {
  %1 = constant {dtype = f32, shape = <3, 70>, value = 0.5} : f32[3, 70]
  %2 = matmul %1, %x {ta = false, tb = false} : f32[3, B]
  %3 = mul %k, %k : f32[]
  %4 = broadcast %3 {dims = [], shape = <2, 70>} : f32[2, 70]
  %5 = matmul %4, %x {ta = false, tb = false} : f32[2, B]
  %6 = constant {dtype = f32, shape = <70, B>, value = 1.0} : f32[70, B]
  %7 = matmul %6, %x {ta = false, tb = true} : f32[70, 70]
  %8 = broadcast %w {dims = [0], shape = <70, B>} : f32[70, B]
  %9 = matmul %8, %x {ta = false, tb = true} : f32[70, 70]
  %10 = matmul %x, %8 {ta = false, tb = true} : f32[70, 70]
  yield %2, %5, %7, %9, %10
})");
}

TEST_CASE("a broadcast tensor enters a call as samples") {
  agree(R"(graph f batch B (%w: f32[3], %x: f32[3, B]) {
  %1 = broadcast %w {dims = [0], shape = <3, B>} : f32[3, B]
  %2 = call %1, %x region (%u: f32[3, B], %v: f32[3, B]) {
    %3 = mul %u, %v : f32[3, B]
    %4 = tanh %3 : f32[3, B]
    yield %4
  } : f32[3, B]
  yield %2, %1
})");
}

TEST_CASE("values too wide for the stack live in scratch") {
  const std::string work = R"(
    %s = sum %x {axes = [0]} : f64[B]
    %1 = broadcast %s {dims = [1], shape = <200000, B>} : f64[200000, B]
    %2 = mul %x, %1 : f64[200000, B]
    %3 = tanh %2 : f64[200000, B]
    %4 = sum %3 {axes = [0]} : f64[B]
    %5 = broadcast %4 {dims = [1], shape = <200000, B>} : f64[200000, B]
    %6 = mul %3, %5 : f64[200000, B]
    %7 = sum %6 {axes = [0]} : f64[B]
    yield %7
  })";
  const std::string head = "graph f batch B (%x: f64[200000, B]) {";
  oracle::expect_agreement(*oracle::read(head + work), 1e-9, {1});
  oracle::expect_agreement(
      *oracle::read(head + "%y = call %x region (%x: f64[200000, B]) {" + work + "yield %y }"),
      1e-9, {1});
}

TEST_CASE("a call may give nothing but sums of what it takes") {
  agree(R"(graph f batch B (%x: f32[3, B]) {
  %1, %2 = call %x {name = "blk"} region (%v: f32[3, B]) {
    %s = sum %v {axes = [0, 1]} : f32[]
    %t = tanh %s : f32[]
    yield %t, %t
  } : f32[], f32[]
  yield %1, %2
})");
}

TEST_CASE("a size that no port shows is given with the call") {
  const auto graph = oracle::read(R"(graph f batch B (%x: f32[2]) {
  %1 = iota {axis = 0, dtype = f32, shape = <N>} : f32[N]
  %2 = sum %1 {axes = [0]} : f32[]
  %3 = iota {axis = 0, dtype = f32, shape = <B>} : f32[B]
  %4 = sum %3 {axes = [0]} : f32[]
  yield %2, %4, %x
})");
  const Program program = oracle::compile_fresh(*graph);
  const std::vector<Array> inputs{Array::of({2}, {1, 2}, Dtype::F32)};
  const auto out = oracle::run_compiled(program, inputs, 2, {{"N", 5}, {"B", 40}});
  CHECK(out[0].values<float>()[0] == 10);
  CHECK(out[1].values<float>()[0] == 780);
  CHECK_THROWS_WITH(oracle::run_compiled(program, inputs, 2, {{"N", 5}}),
                    "error: no input or output of 'f' states the value of 'B'\n  help: give it in "
                    "CallOptions::symbols");
  CHECK_THROWS_WITH(
      oracle::run_compiled(program, inputs, 2, {{"B", 40}, {"N", -7}}),
      "error: the symbol 'N' is given -7 as its value\n  help: give it a size of 0 or "
      "more");
}

TEST_CASE("tensors without a batch agree with the interpreter") {
  agree(R"(graph f (%a: f32[6, 5], %b: f32[5, 3], %c: f32[50]) {
  %1 = matmul %a, %b {ta = false, tb = false} : f32[6, 3]
  %2 = tanh %c : f32[50]
  %3 = mul %2, %c : f32[50]
  %4 = sum %3 {axes = [0]} : f32[]
  %5 = sum %1 {axes = [0]} : f32[3]
  %6 = broadcast %5 {dims = [1], shape = <6, 3>} : f32[6, 3]
  %7 = sub %1, %6 : f32[6, 3]
  yield %1, %3, %4, %7
})");
}

}  // namespace nodec
