// How operands of different shapes meet, and what is said when they cannot.
#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::message;
using testing::number;
using testing::numbers;
using testing::run;

Array grid(std::vector<double> values, std::int64_t rows) {
  const std::int64_t columns = std::int64_t(values.size()) / rows;
  return Array::of({rows, columns}, std::move(values), Dtype::F32);
}

TEST_CASE("a bias lines up with the features, a number per sample with the batch") {
  Trace t("lines", "B");
  const Var x = t.input("x", f32({2, "B"})), bias = t.input("bias", f32({2})),
            weight = t.input("weight", f32({"B"}));
  t.output("biased", x + bias);
  t.output("weighted", weight * x);
  t.output("scaled", 2 * x - 1);
  const auto results =
      run(t.finish(), {grid({1, 2, 3, 4, 5, 6}, 2), numbers({10, 20}), numbers({1, 0, 2})});
  CHECK(results[0] == std::vector<double>{11, 12, 13, 24, 25, 26});
  CHECK(results[1] == std::vector<double>{1, 0, 6, 4, 0, 12});
  CHECK(results[2] == std::vector<double>{1, 3, 5, 7, 9, 11});
}

TEST_CASE("axes of size one stretch, a scalar goes anywhere") {
  Trace t("stretch");
  const Var row = t.input("row", f32({1, 3})), column = t.input("column", f32({2, 1})),
            k = t.input("k", f32());
  t.output("outer", row * column);
  t.output("max", max(row, k));
  t.output("select", select(row > 1, row, k));
  const auto results = run(t.finish(), {grid({1, 2, 3}, 1), grid({10, 20}, 2), number(2)});
  CHECK(results[0] == std::vector<double>{10, 20, 30, 20, 40, 60});
  CHECK(results[1] == std::vector<double>{2, 2, 3});
  CHECK(results[2] == std::vector<double>{2, 2, 3});
}

TEST_CASE("a number takes the dtype of what it meets") {
  Trace t("numbers");
  const Var real = t.input("real", f64()), whole = t.input("whole", i32());
  CHECK((real * 2).type() == f64());
  CHECK((1.5f / real).type() == f64());
  CHECK((whole + 1).type() == i32());
  CHECK((whole < 3).type() == Type::scalar(Dtype::Bool));
  CHECK(pow(real, 2).type() == f64());
  CHECK(clamp(real, 0, 9).type() == f64());
  CHECK(clamp(whole, 0, 9).type() == i32());
}

TEST_CASE("keys are made from integers of either width") {
  Trace t("keys");
  const Var seed = t.input("seed", i32()), wide = t.input("wide", i64());
  CHECK(key(seed).type() == key(wide).type());
  CHECK(fold_in(key(seed), seed).type() == key(wide).type());
  CHECK(fold_in(key(wide), wide).type() == key(wide).type());
}

TEST_CASE("times are numbers, values, or vectors of either") {
  Trace t("times");
  const Var stop = t.input("stop", f32()), u0 = t.input("u0", f32());
  const auto dynamics = [](const Var& u) { return -u; };
  for (const Times& stops :
       {Times{0.5, stop}, Times(std::vector<Var>{stop, stop}),
        Times(std::vector<float>{0.5F, 1.5F}), Times(std::vector<double>{0.5, 1.5}),
        Times(std::vector<Setting>{stop, 1.5})}) {
    CHECK(stops.all().size() == 2);
    CHECK(solve(dynamics, u0, 0, 2, {.stops = stops}).u.type() == f32());
  }
}

TEST_CASE("shapes that do not meet are refused at the line that joined them") {
  Trace t("refused", "B");
  const Var square = t.input("square", f32({3, 3})), three = t.input("three", f32({3})),
            two = t.input("two", f32({2})), wide = t.input("wide", f32({2, "B"})),
            whole = t.input("whole", i32({3})), st = t.input("st", Type::record({{"a", f32()}}));
  CHECK(message([&] { square + three; }) ==
        R"(error: + cannot combine f32[3, 3] and f32[3]: both its leading and its trailing axes fit
  --> line +0
  help: say which with broadcast_to(x, shape, axes))");
  CHECK(message([&] { three* two; }) == R"(error: * cannot combine f32[3] and f32[2]
  --> line +0
  help: reshape one of them)");
  CHECK(message([&] { wide - three; }) == R"(error: - cannot combine f32[2, B] and f32[3]
  --> line +0
  help: reshape one of them, or use broadcast_to(x, shape, axes))");
  CHECK(message([&] { three < whole; }) == R"(error: < cannot combine f32[3] and i32[3]
  --> line +0
  help: cast one of them: cast<float>(x))");
  CHECK(message([&] { whole * 0.5; }) == R"(error: the number 0.5 meets i32[3]
  --> line +0
  help: cast the tensor to a float dtype first)");
  CHECK(message([&] { tanh(st); }) ==
        R"(error: a tensor is wanted here, and this is the record {a: f32[]}
  --> line +0
  help: name one of its fields)");
  CHECK(message([&] { sum(square, {2}); }) == R"(error: there is no axis 2 in f32[3, 3]
  --> line +0
  help: axes go from 0 to 1, or from -2 to -1)");
}

TEST_CASE("a whole number beyond those of i64 is that number") {
  Trace t("large");
  const Var x = t.input("x", f64()), n = t.input("n", i64());
  const std::uint64_t large = std::uint64_t(1) << 63;
  CHECK(message([&] { n + large; }).starts_with("error: the number 9.223372036854776e+18 meets"));
  t.output("scaled", x * large);
  t.output("largest", n + (large - 1));
  const auto results = run(t.finish(), {number(1, Dtype::F64), number(0, Dtype::I64)});
  CHECK(results[0] == std::vector<double>{0x1p63});
  CHECK(results[1] == std::vector<double>{0x1p63});
}

TEST_CASE("a wrong product names the user's line") {
  Trace t("product", "B");
  const Var w = t.input("w", f32({20, 784})), x = t.input("x", f32({"B", 784}));
  const std::string said = testing::message([&] { matmul(w, x); });
  CHECK(said.find("line +0") != std::string::npos);
  CHECK(said.find("f32[20, 784]") != std::string::npos);
  CHECK(matmul(w, x, {.b = true}).type() == f32({20, "B"}));
}

}  // namespace
}  // namespace nodec
