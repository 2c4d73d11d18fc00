// What the type rules tell a user, whole message by whole message.
#include <doctest/doctest.h>

#include "ir/parse.h"
#include "kernels/catalogue.h"

using namespace nodec;

namespace {

// The message for one op over arguments with these types; it has no place in it.
std::string refusal(std::string_view arguments, std::string_view op) {
  const std::string text =
      fmt::format("graph g ({}) {{\n  %y = {}\n  yield %y\n}}\n", arguments, op);
  try {
    parse(text, find_primitive);
  } catch (const Error& error) {
    return error.message() + (error.help().empty() ? "" : "\nhelp: " + error.help());
  }
  return "accepted";
}

}  // namespace

TEST_CASE("elementwise ops name both operands and every difference") {
  CHECK(refusal("%w: f32[20, B], %x: f32[10, C]", "add %w, %x") ==
        "'add' wants operands of one type, got 'w' f32[20, B] and 'x' f32[10, C] (axis 0: 20 and "
        "10, axis 1: B and C)\n"
        "help: give both one shape with broadcast or reshape");
  CHECK(refusal("%w: f32[3], %x: f64[3]", "mul %w, %x") ==
        "'mul' wants operands of one type, got 'w' f32[3] and 'x' f64[3] (dtype f32 and f64)\n"
        "help: cast one of them");
  CHECK(refusal("%w: f32[3, B], %x: f32[3]", "lt %w, %x") ==
        "'lt' wants operands of one type, got 'w' f32[3, B] and 'x' f32[3] (rank 2 and 1)\n"
        "help: give both one shape with broadcast or reshape");
  CHECK(refusal("%n: i32[3]", "tanh %n") ==
        "'tanh' wants f32 or f64, got 'n' i32[3]\n"
        "help: cast to f32 first");
  CHECK(refusal("%n: bool[3]", "neg %n") ==
        "'neg' wants f32, f64, i32 or i64, got 'n' bool[3]\n"
        "help: cast to one of these first");
  CHECK(refusal("%n: i32[3]", "logical_not %n") ==
        "'logical_not' wants bool, got 'n' i32[3]\n"
        "help: compare first, e.g. with 'ne' and 0");
  CHECK(refusal("%r: (f32[3], f32[3])", "exp %r") ==
        "'exp' wants a tensor as operand 0, got 'r' (f32[3], f32[3])\n"
        "help: give it one of the tensors inside");
  CHECK(refusal("%x: f32[3]", "exp %x, %x") == "'exp' takes 1 operand, got 2");
}

TEST_CASE("select checks its condition and its sides") {
  CHECK(refusal("%p: bool[3], %a: f32[4], %b: f32[4]", "select %p, %a, %b") ==
        "'select' wants bool[4] as its condition, got 'p' bool[3] (axis 0: 4 and 3)\n"
        "help: compare to get a bool, and broadcast it to the shape of both sides");
  CHECK(refusal("%p: bool[3], %a: f32[3], %b: i32[3]", "select %p, %a, %b") ==
        "'select' wants one type on both sides, got 'a' f32[3] and 'b' i32[3] (dtype f32 and i32)\n"
        "help: cast or broadcast one of them");
}

TEST_CASE("a table of no rows is refused unless nothing is picked") {
  CHECK(refusal("%t: f32[0, 3], %i: i32[2]", "gather %t, %i") ==
        "'gather' reads rows of a table that has none, got 't' f32[0, 3]\n"
        "help: give it at least one row");
  CHECK(refusal("%t: f32[0, 3], %i: i32[0]", "gather %t, %i") == "accepted");
  CHECK(refusal("%i: i32[B], %x: f32[B, 3]", "scatter_add %i, %x {shape = <0, 3>}") ==
        "'scatter_add' adds to rows of a table that has none, got the shape [0, 3]\n"
        "help: give it at least one row");
  CHECK(refusal("%i: i32[B], %x: f32[B, 0]", "scatter_add %i, %x {shape = <0, 0>}") == "accepted");
}

TEST_CASE("attributes are told when absent or of another kind") {
  CHECK(refusal("%x: f32[3]", "sum %x") ==
        "'sum' lacks its attribute 'axes', a list of integers\n"
        "help: write it as {axes = [0, 1]}");
  CHECK(refusal("%x: f32[3]", "sum %x {axes = 1}") ==
        "'sum' wants a list of integers as attribute 'axes'\n"
        "help: write it as {axes = [0, 1]}");
  CHECK(refusal("%x: f32[3]", "sum %x {axes = [1]}") ==
        "'sum' has axes [1], but its data has 1 axis\n"
        "help: axes count from 0: the last one is 0");
  CHECK(refusal("%x: f32[3, 4]", "sum %x {axes = [1, 1]}") ==
        "'sum' names axis 1 twice in axes [1, 1]\n"
        "help: name it once");
  CHECK(refusal("%x: f32[3, 4]", "argmax %x {axis = -1}") ==
        "'argmax' has axis -1, but its data has 2 axes\n"
        "help: axes count from 0: the last one is 1");
}

TEST_CASE("a constant's numbers are some of its dtype") {
  const auto made = [](const char* dtype, const char* value) {
    return refusal("",
                   fmt::format("constant {{dtype = {}, shape = <>, value = {}}}", dtype, value));
  };
  const std::string whole = "\nhelp: give whole numbers from ", other = ", or take another dtype";
  CHECK(made("u8", "300") == "'constant' of u8 cannot hold 300" + whole + "0 to 255" + other);
  CHECK(made("u8", "-1") == "'constant' of u8 cannot hold -1" + whole + "0 to 255" + other);
  CHECK(made("bool", "2") == "'constant' of bool cannot hold 2" + whole + "0 to 1" + other);
  CHECK(made("i32", "99999999999999") == "'constant' of i32 cannot hold 99999999999999" + whole +
                                             "-2147483648 to 2147483647" + other);
  CHECK(made("f32", "1e300") ==
        "'constant' of f32 cannot hold 1e+300\nhelp: give numbers of a size "
        "up to 3.4028235e+38, or inf, or take another dtype");
  for (const auto& [dtype, value] :
       {std::pair("u8", "255"), std::pair("i32", "-2147483648"), std::pair("f64", "1e300"),
        std::pair("f32", "inf"), std::pair("f32", "3.4028235e38"), std::pair("bool", "1")}) {
    CHECK(made(dtype, value) == "accepted");
  }
  const auto listed = [](const char* dtype, const char* values) {
    return refusal("",
                   fmt::format("constant {{dtype = {}, shape = <2>, values = {}}}", dtype, values));
  };
  CHECK(listed("u8", "[255.0, 256.0]") ==
        "'constant' of u8 cannot hold 256" + whole + "0 to 255" + other);
  CHECK(listed("i64", "[1.0, 0.5]").starts_with("'constant' of i64 cannot hold 0.5"));
  CHECK(listed("i64", "[1.0, 1e30]").starts_with("'constant' of i64 cannot hold 1e+30"));
  CHECK(listed("i32", "[-1.0, 2.0]") == "accepted");
}

TEST_CASE("views say what would not fit") {
  CHECK(refusal("%x: f32[20, B]", "reshape %x {shape = <10, B>}") ==
        "'reshape' cannot give 'x' f32[20, B], of 20*B elements, the shape [10, B], of 10*B\n"
        "help: give a shape of as many elements");
  CHECK(refusal("%x: f32[3, 4]", "broadcast %x {dims = [0, 1], shape = <5, 6, 7>}") ==
        "'broadcast' cannot give 'x' f32[3, 4] the shape [5, 6, 7]: axis 0 is 3 and would become "
        "5, axis 1 is 4 and would become 6\n"
        "help: only axes that the operand does not have are made");
  CHECK(refusal("%x: f32[3, 4]", "broadcast %x {dims = [1, 0], shape = <4, 3>}") ==
        "'broadcast' needs one result axis for each axis of 'x' f32[3, 4], in increasing order, "
        "got [1, 0]\n"
        "help: put axes in another order with 'transpose'");
  CHECK(refusal("%x: f32[3, 4]", "transpose %x {perm = [0]}") ==
        "'transpose' needs each axis of 'x' f32[3, 4] once, got [0]\n"
        "help: name every axis from 0 to 1 in 'perm'");
  CHECK(refusal("%x: f32[3, 4]", "slice %x {axis = 1, size = <3>, start = 2}") ==
        "'slice' takes 3 from 2 on along axis 1 of 'x' f32[3, 4]\n"
        "help: stay within the 4 of that axis");
  CHECK(refusal("%x: f32[3, 4], %y: f32[2, 5]", "concat %x, %y {axis = 0}") ==
        "'concat' joins along axis 0 what agrees otherwise; operand 0 is 'x' f32[3, 4], but "
        "operand 1 is 'y' f32[2, 5] (axis 1: 4 and 5)\n"
        "help: cast, broadcast or slice the operands to agree on all other axes");
}

TEST_CASE("matmul says which sides do not meet") {
  const char* attrs = " {ta = false, tb = false}";
  CHECK(refusal("%w: f32[20, 784], %x: f32[700, B]", fmt::format("matmul %w, %x{}", attrs)) ==
        "'matmul' wants as many columns on the left as rows on the right, got 'w' f32[20, 784] and "
        "'x' f32[700, B] (784 and 700)\n"
        "help: give both one size there");
  CHECK(refusal("%w: f32[784, 20], %x: f32[784, B]", fmt::format("matmul %w, %x{}", attrs)) ==
        "'matmul' wants as many columns on the left as rows on the right, got 'w' f32[784, 20] and "
        "'x' f32[784, B] (20 and 784)\n"
        "help: transpose the left one");
  CHECK(refusal("%w: f32[20, 784], %x: f32[5, 784]", fmt::format("matmul %w, %x{}", attrs)) ==
        "'matmul' wants as many columns on the left as rows on the right, got 'w' f32[20, 784] and "
        "'x' f32[5, 784] (784 and 5)\n"
        "help: transpose the right one");
  CHECK(refusal("%w: f32[20, 784], %x: f32[784]", fmt::format("matmul %w, %x{}", attrs)) ==
        "'matmul' multiplies matrices, got 'w' f32[20, 784] and 'x' f32[784]\n"
        "help: reshape to rank 2 first");
  CHECK(refusal("%q: f32[5, 2, 3], %y: f32[5, 3, B]", fmt::format("matmul %q, %y{}", attrs)) ==
        "'matmul' multiplies matrices, got 'q' f32[5, 2, 3] and 'y' f32[5, 3, B]\n"
        "help: reshape to rank 2 first");
  CHECK(refusal("%w: f32[2, 3], %x: f32[3, B], %c: f32[2]",
                fmt::format("matmul %w, %x, %c{}", attrs)) ==
        "'matmul' makes f32[2, B] and cannot add 'c' f32[2] (rank 2 and 1)\n"
        "help: give what is added that type");
}

TEST_CASE("a loop reports every value it does not keep, by name") {
  CHECK(refusal("%v: f64[3], %n: i32[], %k: f32[3]",
                "while %v, %n, %k {carried = 2} region (%v: f64[3], %n: i32[], %k: f32[3]) {\n"
                "    %p = constant {dtype = bool, shape = <>, value = 1}\n    yield %p\n"
                "  } region (%v: f64[3], %n: i32[], %k: f32[3]) {\n"
                "    %w = cast %n {to = i64}\n    yield %k, %w\n  }") ==
        "'while' does not keep the type of what it carries: 'v' enters as f64[3] and leaves as "
        "f32[3]; 'n' enters as i32[] and leaves as i64[]\n"
        "help: start with the type that the body makes, or cast back at its end");
}

TEST_CASE("a loop's test and the depth of one_hot are told what they must be") {
  CHECK(refusal("%n: i32[]",
                "while %n {carried = 1} region (%n: i32[]) {\n    yield %n\n"
                "  } region (%n: i32[]) {\n    yield %n\n  }") ==
        "'while' wants a test that yields one bool[], got i32[]\n"
        "help: end the test in one comparison of scalars, or of one number for each sample of a "
        "batch");
  CHECK(refusal("%i: i32[3]", "one_hot %i {depth = -2, dtype = f32}") ==
        "'one_hot' cannot make -2 rows of f32\n"
        "help: give a depth of 0 or more, and a dtype of numbers");
}

TEST_CASE("the branches of a cond agree on every result") {
  CHECK(refusal("%p: bool[], %x: f32[3]",
                "cond %p, %x region (%x: f32[3]) {\n    yield %x, %x\n"
                "  } region (%x: f32[3]) {\n    %i = cast %x {to = i32}\n    yield %i, %x\n  }") ==
        "'cond' wants equal types from both branches, but result 0 is 'x' f32[3] and 'i' i32[3] "
        "(dtype f32 and i32)\n"
        "help: cast, broadcast or move (to_device) in one branch");
  CHECK(
      refusal("%p: bool[], %x: f32[3]",
              "cond %p, %x region (%x: f32[3]) {\n    yield %x\n"
              "  } region (%x: f32[3]) {\n    %d = to_device %x {device = 1}\n    yield %d\n  }") ==
      "'cond' wants equal types from both branches, but result 0 is 'x' f32[3] and 'd' f32[3] on 1 "
      "(on the host and on device 1)\n"
      "help: cast, broadcast or move (to_device) in one branch");
}

TEST_CASE("that a box or cell changes its type is for inference to say") {
  for (const char* store : {"box.store", "cell.store"}) {
    CHECK_NOTHROW(parse(fmt::format("graph g (%c: box<f32[3]>, %x: f32[4]) {{\n  {} %c, %x\n"
                                    "  yield\n}}\n",
                                    store),
                        find_primitive));
  }
}

TEST_CASE("only ops with bodies hold regions") {
  CHECK(refusal("%x: f32[3]", "neg %x region (%x: f32[3]) {\n    yield %x\n  }") ==
        "'neg' holds no regions, got 1\n"
        "help: `call`, `while`, `cond`, `solve` and `vjp` do");
}

TEST_CASE("records and keys say what they have") {
  CHECK(refusal("%r: {w: f32[3], b: f32[]}", "field %r {name = \"bias\"}") ==
        "'field' finds no 'bias' in 'r' {w: f32[3], b: f32[]}\n"
        "help: it has w, b");
  CHECK(refusal("%r: {weight: f32[3], b: f32[]}", "field %r {name = \"weights\"}") ==
        "'field' finds no 'weights' in 'r' {weight: f32[3], b: f32[]}\n"
        "help: did you mean 'weight'?");
  CHECK(refusal("%x: f32[3]", "record %x {names = \"a,b\"}") ==
        "'record' names 2 fields for 1 value");
  CHECK(refusal("%k: key[]", "cast %k {to = f32}") ==
        "'cast' cannot turn 'k' key[] into f32\n"
        "help: make keys with 'key' and 'fold_in', and numbers with the random ops");
  CHECK(refusal("%s: i32[]", "key %s") ==
        "'key' wants i64[] as operand 0, got 's' i32[]\nhelp: cast it to i64");
  CHECK(refusal("%s: i64[1]", "key %s") ==
        "'key' wants i64[] as operand 0, got 's' i64[1]\nhelp: give it one element");
  CHECK(refusal("%s: i64[]", "random_uniform %s {dtype = f32, shape = <3>}") ==
        "'random_uniform' wants key[] as operand 0, got 's' i64[]\nhelp: make one with 'key'");
  CHECK(refusal("%k: key[]", "random_uniform %k {dtype = i32, shape = <3>}") ==
        "'random_uniform' draws f32 or f64, got i32\nhelp: draw floats, and cast them");
}

TEST_CASE("frames of a tape are counted from 0") {
  const auto refused = [](std::string_view op) {
    return refusal("%x: f32[3]",
                   fmt::format("tape.new %x\n  %i = constant {{dtype = i32, shape = <>, "
                               "value = -1}}\n  %z = {}",
                               op));
  };
  CHECK(refused("tape.write %y, %i, %x") ==
        "'tape.write' names frame -1\nhelp: count frames from 0 on");
  CHECK(refused("tape.read %y, %i") == "'tape.read' names frame -1\nhelp: count frames from 0 on");
}
