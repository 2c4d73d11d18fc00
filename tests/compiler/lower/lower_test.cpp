// Large contractions, what cannot be lowered and how it is said, and a plan as text.
#include "compiler/lower/lower.h"

#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;

std::string lowering_error(const std::string& text) {
  try {
    oracle::plan_text(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "it lowers";
}

std::string product(int rows, int columns) {
  return fmt::format(R"(graph f batch B (%g: f32[{}, B], %h: f32[{}, B]) {{
  %r = matmul %g, %h {{ta = false, tb = true}}
  yield %r
}})",
                     rows, columns);
}

}  // namespace

TEST_CASE("a contraction of more than 4096 outputs is one chain an output, over rows") {
  const std::string small = oracle::plan_text(product(64, 64));
  CHECK(contains(small, "batch contract into matmul slots"));
  CHECK(!contains(small, "large contract"));
  const std::string large = oracle::plan_text(product(64, 65));
  CHECK(!contains(large, "slots#"));
  CHECK(contains(large, "large contract"));
  CHECK(contains(large, "[64 x 65]; each output one fma chain over (term, sample)"));
  CHECK(contains(large, "rows rows#"));
  oracle::expect_agreement(*oracle::read(product(64, 64)), 2e-5, {1, 37});
  oracle::expect_agreement(*oracle::read(product(64, 65)), 2e-5, {1, 37});
}

TEST_CASE("a program for the host takes what lives there") {
  CHECK(lowering_error("graph f (%x: f32[3] on 1) {\n  yield %x\n}") ==
        R"(error: 'x' is f32[3] on 1; this program is compiled for the host
  help: leave its placement out, and move it inside the program)");
}

TEST_CASE("a program takes and gives tensors alone") {
  CHECK(lowering_error("graph f (%x: f32[3]) {\n  %1 = tape.new %x\n  yield %1 as history\n}") ==
        R"(error: 'history' has type tape<f32[3]>; a compiled program takes and gives tensors
  help: pass tensors in its place: what a tape's frame holds, what a function gives)");
}

TEST_CASE("samples are joined along axes of their own") {
  CHECK(lowering_error(R"(graph f batch B (%x: f32[3, B], %none: f32[3, 0]) {
  %1 = tanh %x
  %2 = concat %1, %none {axis = 1} @ "model.cpp:4"
  yield %2
})") == R"(error: 'concat' along the batch cannot be compiled yet
  --> model.cpp:4   used here
  help: join along another axis)");
}

TEST_CASE("a tape is written by one branch") {
  CHECK(lowering_error(R"(graph f (%x: f32[3], %p: bool[], %i: i32[]) {
  %tape = tape.new %x
  %written = cond %p, %tape, %x, %i region (%tape: tape<f32[3]>, %x: f32[3], %i: i32[]) {
    %1 = tape.write %tape, %i, %x
    yield %1
  } region (%tape: tape<f32[3]>, %x: f32[3], %i: i32[]) {
    %y = tanh %x
    %1 = tape.write %tape, %i, %y
    yield %1
  } @ "model.cpp:5"
  %2 = tape.read %written, %i
  yield %2
})") == R"(error: a tape that both branches write cannot be compiled yet
  --> model.cpp:5   branches here
  help: write it behind the branches, with what they yield)");
}

TEST_CASE("a large contraction with rows of a table reads the table itself") {
  const std::string text = R"(graph f batch B (%t: u8[N, 70], %i: i32[B], %g: f32[60, B]) {
  %1 = gather %t, %i
  %2 = cast %1 {to = f32}
  %3 = transpose %2 {perm = [1, 0]}
  %4 = matmul %g, %3 {ta = false, tb = true}
  yield %4
})";
  CHECK(!contains(oracle::plan_text(text), "rows rows#"));
  CHECK(contains(oracle::plan_text(text), "* rows of t#0(input) at i#"));
  oracle::expect_agreement(*oracle::read(text), 2e-5, {1, 37});
}

TEST_CASE("a large contraction in a loop goes on from turn to turn") {
  const std::string text = R"(graph f batch B (%x: f32[70, B], %z: f32[60, B], %c: f32[]) {
  %n0 = constant {dtype = i32, shape = <>, value = 0}
  %acc0 = constant {dtype = f32, shape = <70, 60>, value = 0.0}
  %n1, %y1, %acc1 = while %n0, %x, %acc0, %z, %c {carried = 3} region (%n: i32[], %y: f32[70, B], %acc: f32[70, 60], %w: f32[60, B], %scale: f32[]) {
    %three = constant {dtype = i32, shape = <>, value = 3}
    %go = lt %n, %three
    yield %go
  } region (%n: i32[], %y: f32[70, B], %acc: f32[70, 60], %w: f32[60, B], %scale: f32[]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %m = add %n, %one
    %h = tanh %y
    %s = matmul %h, %w {ta = false, tb = true}
    %wide = broadcast %scale {dims = [], shape = <70, 60>}
    %next = fma %wide, %s, %acc
    yield %m, %h, %next
  }
  yield %acc1
})";
  const std::string plan = oracle::plan_text(text);
  CHECK(contains(plan, "[70 x 60], going on; each output one fma chain"));
  CHECK(contains(plan, " = load c#"));  // the scale is an input, read into a register
  oracle::expect_agreement(*oracle::read(text), 2e-5, {1, 37});
}

TEST_CASE("shapes that cannot be lowered are refused at the user's line") {
  CHECK(lowering_error(R"(graph f batch B (%x: f32[B]) {
  %1 = broadcast %x {dims = [0], shape = <B, B>} @ "model.cpp:3"
  %2 = tanh %1 @ "model.cpp:4"
  yield %2
})") == R"(error: a value has the batch in two axes, got f32[B, B]
  --> model.cpp:3   made here
  help: sum over one of them, or make one a number)");
  CHECK(lowering_error(R"(graph f batch B (%x: f32[2, B, 3]) {
  %1 = tanh %x @ "model.cpp:9"
  yield %1
})") == R"(error: input 'x' has the batch in the middle of its axes, got f32[2, B, 3]
  help: put the batch first or last)");
  CHECK(lowering_error(R"(graph f batch B (%x: f32[2, 3, B]) {
  %1 = transpose %x {perm = [0, 2, 1]} @ "model.cpp:9"
  yield %1 as y
})") == R"(error: output 'y' has the batch in the middle of its axes, got f32[2, B, 3]
  --> model.cpp:9   made here
  help: put the batch first or last)");
  CHECK(lowering_error(R"(graph f batch B (%x: f32[N, B]) {
  %1 = tanh %x @ "model.cpp:10"
  yield %1
})") == R"(error: the size N beside the batch must be a number, got 'x' f32[N, B]
  help: give this axis a fixed size)");
  CHECK(lowering_error(R"(graph f batch B (%x: f32[2, B]) {
  %1 = reshape %x {shape = <2*B>} @ "model.cpp:11"
  %2 = tanh %1
  yield %2
})") == R"(error: an axis of size 2*B mixes samples, got f32[2*B]
  --> model.cpp:11   made here
  help: keep the batch in an axis of its own)");
}

TEST_CASE("only the first axis of a port may have a size that is no number, one axis of a tensor") {
  CHECK(
      lowering_error(R"(graph f (%x: f32[3, N]) {
  %1 = tanh %x @ "model.cpp:6"
  yield %1
})") ==
      R"(error: only the first axis of an input or output without a batch may have a symbolic size, got 'x' f32[3, N]
  help: put that axis first, and transpose inside of the program)");
  CHECK(
      lowering_error(R"(graph f (%x: f32[N, 3]) {
  %1 = transpose %x {perm = [1, 0]} @ "model.cpp:6"
  yield %1
})") ==
      R"(error: only the first axis of an input or output without a batch may have a symbolic size, got 'result_0' f32[3, N]
  --> model.cpp:6   made here
  help: put that axis first, and transpose inside of the program)");
  CHECK(lowering_error(R"(graph f (%x: f32[N], %y: f32[M]) {
  %1 = broadcast %x {shape = <N, M>, dims = [0]}
  %2 = broadcast %y {shape = <N, M>, dims = [1]}
  %3 = add %1, %2 @ "model.cpp:8"
  %4 = sum %3 {axes = [0, 1]}
  yield %4
})") ==
        R"(error: only one axis of a tensor without a batch may have a symbolic size, got f32[N, M]
  --> model.cpp:8   made here
  help: make the other the batch, or a number)");
  CHECK(lowering_error(R"(graph f (%x: f32[N, 3]) {
  %1 = transpose %x {perm = [1, 0]}
  %2 = exp %1
  %3 = reshape %2 {shape = <3*N>} @ "model.cpp:9"
  yield %3
})") == R"(error: a reshape of f32[3, N] to f32[3*N] would count along a size that is a symbol
  --> model.cpp:9   reshaped here
  help: transpose first, so that this axis is the first)");
  CHECK(lowering_error(R"(graph f (%x: f32[N, 2, 3]) {
  %1 = transpose %x {perm = [1, 0, 2]}
  %2 = exp %1
  %3 = reshape %2 {shape = <2, 3*N>} @ "model.cpp:9"
  %4 = transpose %3 {perm = [1, 0]}
  yield %4
})") == R"(error: a reshape of f32[2, N, 3] to f32[2, 3*N] would count along a size that is a symbol
  --> model.cpp:9   reshaped here
  help: transpose first, so that this axis is the first)");
}

TEST_CASE("only the last part of a join may have a size that is no number") {
  CHECK(lowering_error(R"(graph f (%x: f32[N], %y: f32[1]) {
  %1 = concat %x, %y {axis = 0} @ "model.cpp:3"
  yield %1
})") == R"(error: 'concat' needs the sizes before its last part as numbers, got N
  --> model.cpp:3   joined here
  help: put the part whose size is a symbol last)");
  CHECK(contains(oracle::plan_text("graph f (%x: f32[N], %y: f32[1]) {\n"
                                   "  %1 = concat %y, %x {axis = 0}\n  yield %1\n}"),
                 "dense map [N]"));
}

TEST_CASE("a plan shows the numbers of its constants") {
  const std::string plan = oracle::plan_text(R"(graph f (%x: f32[N], %y: f32[3]) {
  %1 = constant {dtype = f32, shape = <>, value = 0.25}
  %2 = broadcast %1 {dims = [], shape = <N>}
  %3 = add %x, %2
  %4 = constant {dtype = f32, shape = <3>, values = [1.5, -2.0, 0.1]}
  %5 = mul %y, %4
  %6 = dim {size = <N>}
  yield %3, %5, %6
})");
  CHECK(contains(plan, "= constant 0.25\n"));
  CHECK(contains(plan, "1.5, -2.0, 0.1"));
  CHECK(contains(plan, "= dim <N>\n"));
}

TEST_CASE("a plan says where a generator stands") {
  const std::string text = R"(graph f batch B (%x: f32[3, B], %y: f32[B, 3], %s: i64[]) {
  %k = key %s
  %1 = iota {axis = 1, dtype = f32, shape = <3, B>}
  %2 = iota {axis = 0, dtype = f32, shape = <3, B>}
  %3 = fma %x, %1, %2
  %4 = random_uniform %k {dtype = f32, shape = <3, B>}
  %5 = mul %3, %4
  %6 = random_uniform %k {dtype = f32, shape = <B, 3>}
  %7 = mul %y, %6
  %8 = random_uniform %k {dtype = f32, shape = <4, 3>}
  yield %5, %7, %8
})";
  const std::string plan = oracle::plan_text(text);
  CHECK(contains(plan, "= iota sample\n"));
  CHECK(contains(plan, "= iota index 0\n"));
  CHECK(contains(plan, "= random_uniform sample and index, s"));
  CHECK(contains(plan, "= random_uniform index, s"));
  oracle::expect_agreement(*oracle::read(text), 1e-6, {1, 37});
}

TEST_CASE("a generator's key may be an input, or stand among others") {
  for (const char* batch : {"", " batch B"}) {
    const std::string shape = *batch == '\0' ? "B" : "3, B";
    const std::string text = fmt::format(R"(graph f{} (%k: key[], %keys: key[3], %x: f32[{}]) {{
  %1 = random_uniform %k {{dtype = f32, shape = <{}>}}
  %2 = add %1, %x
  %3 = random_uniform %k {{dtype = f32, shape = <4, 3>}}
  %4 = slice %keys {{axis = 0, size = <1>, start = 1}}
  %5 = reshape %4 {{shape = <>}}
  %6 = random_uniform %5 {{dtype = f32, shape = <2>}}
  yield %2, %3, %6
}})",
                                         batch, shape, shape);
    oracle::expect_agreement(*oracle::read(text), 1e-6, {1, 37});
  }
}

TEST_CASE("a port without a name has its number in the signature") {
  const auto graph = oracle::read("graph f (%x: f32[2], %0: f32[3]) { yield %x as y, %0 }");
  const Program program = oracle::compile_fresh(*graph);
  const Signature& signature = program.executable->signature();
  CHECK(signature.inputs.at(0).name == "x");
  CHECK(signature.inputs.at(1).name == "input_1");
  CHECK(signature.outputs.at(0).name == "y");
  CHECK(signature.outputs.at(1).name == "result_1");
}

TEST_CASE("the entry's symbol is the program's name, in letters that every tool takes") {
  const auto entry = [](const std::string& name) {
    const auto graph = oracle::read("graph " + name + " (%x: f32[2]) { yield %x }");
    return oracle::compile_fresh(*graph).executable->signature().entry;
  };
  CHECK(entry("train_step") == "train_step_entry");
  CHECK(entry("\"mnist/compact\"") == "mnist_compact_entry");
  CHECK(entry("\"2D\"") == "_2D_entry");
  CHECK(entry("\"\"") == "program_entry");
}

TEST_CASE("a reshape of what lies in another order is a copy, where strides cannot say it") {
  const std::string text = R"(graph f batch B (%w: f32[4, 3], %x: f32[2, 3, B]) {
  %1 = transpose %w {perm = [1, 0]}
  %2 = reshape %1 {shape = <2, 6>}
  %3 = slice %w {axis = 1, start = 1, size = <1>}
  %4 = reshape %3 {shape = <2, 2>}
  %5 = transpose %x {perm = [1, 0, 2]}
  %6 = reshape %5 {shape = <6, B>}
  %7 = broadcast %w {dims = [0, 1], shape = <4, 3, 2>}
  %8 = reshape %7 {shape = <4, 6>}
  %9 = reshape %1 {shape = <3, 2, 2>}
  %10 = tanh %2
  %11 = tanh %4
  %12 = tanh %6
  %13 = tanh %8
  %14 = tanh %9
  yield %10, %11, %12, %13, %14, %2, %6
})";
  const std::string plan = oracle::plan_text(text);
  CHECK(contains(plan, "-> reshape#"));
  oracle::expect_agreement(*oracle::read(text), 2e-5, {1, 37});
}

TEST_CASE("ops that cannot be lowered are refused at the user's line") {
  CHECK(lowering_error(R"(graph f batch B (%x: f32[2, 3, B]) {
  %1 = reshape %x {shape = <3, B, 2>} @ "model.cpp:5"
  %2 = tanh %1
  yield %2
})") == R"(error: a reshape of 'x' f32[2, 3, B] to f32[3, B, 2] mixes samples
  --> model.cpp:5   reshaped here
  help: transpose first, so that the batch has as many elements before it)");
  CHECK(lowering_error(R"(graph f batch B (%t: f32[5, B], %i: i32[B]) {
  %1 = gather %t, %i @ "model.cpp:8"
  yield %1
})") == R"(error: a value has the batch in two axes, got f32[B, B]
  --> model.cpp:8   made here
  help: sum over one of them, or make one a number)");
  CHECK(lowering_error(R"(graph f batch B (%x: f32[2, B]) {
  %1 = slice %x {axis = 1, start = 1, size = <B - 1>} @ "model.cpp:6"
  yield %1
})") == R"(error: an axis of size B - 1 mixes samples, got f32[2, B - 1]
  --> model.cpp:6   made here
  help: keep the batch in an axis of its own)");
  CHECK(lowering_error(R"(graph f batch B (%x: f32[2, B], %y: f32[2, B]) {
  %1 = concat %x, %y {axis = 1} @ "model.cpp:7"
  yield %1
})") == R"(error: an axis of size 2*B mixes samples, got f32[2, 2*B]
  --> model.cpp:7   made here
  help: keep the batch in an axis of its own)");
  CHECK(
      lowering_error(R"(graph f batch B (%x: f32[2, B]) {
  %1 = matmul %x, %x {ta = true, tb = false} @ "model.cpp:8"
  yield %1
})") ==
      R"(error: a product of two matrices that both differ from sample to sample cannot be compiled yet
  --> model.cpp:8   multiplied here
  help: multiply their elements, and sum over the inner axis)");
}

TEST_CASE("a tiny program's plan") {
  CHECK(
      oracle::plan_text(R"(graph tiny batch B (%w: f32[2, 3], %b: f32[2], %x: f32[3, B]) {
  %wide = broadcast %b {dims = [0], shape = <2, B>}
  %z = matmul %w, %x, %wide {ta = false, tb = false}
  %y = tanh %z
  %s = sum %y {axes = [1]}
  %d = matmul %y, %x {ta = false, tb = true}
  %e = neg %d
  yield %y as y, %s as total, %e as e
})") ==
      R"(plan tiny  (sums over the batch: 16 slots, chunks of 32 samples, chunks by stride doubling)
entry
  phase: for each chunk of this thread
    clear matmul slots#10(slots)
    clear sum slots#9(slots)
    tiles: for each vector of samples
      import x#6(tile) from x#2(input)
      matvec z#7(tile) = w#0(input) [2 x 3] * x#6(tile), from b#1(input); each row one fma chain over k
      map [2]
        r0 = tanh z#7(tile) -> y#8(lanes)
      batch sum into sum slots#9(slots), 1 terms in order
        y#8(lanes) over [], in order
      batch contract into matmul slots#10(slots) [2 x 3], 1 terms in order
        y#8(lanes) * x#6(tile)
  fold sum slots#9(slots) -> total#4(output)
  fold matmul slots#10(slots) -> d#11(dense)
  dense map [6]
    r0 = neg d#11(dense) -> e#5(output)
  phase: for each chunk of this thread
    tiles: for each vector of samples
      export y#3(output) of y#8(lanes)
)");
}

TEST_CASE("a plan's names steer no terminal and stay on their line") {
  const std::string plan = oracle::plan_text(R"(graph "\x1b[31m" (%"a\nb": f32[3]) {
  %"\x07" = neg %"a\nb"
  yield %"\x07"
})");
  CHECK(contains(plan, "plan \\x1b[31m"));
  CHECK(contains(plan, "a\\nb#0(input)"));
  CHECK(plan.find_first_of("\x1b\x07") == plan.npos);
}

}  // namespace nodec
