// The reference interpreter, and what it says of arguments that do not fit.
#include "ir/interpret.h"

#include "tests/ir/toy.h"

using namespace nodec;

namespace {

std::vector<Array> run(std::string_view text, std::vector<Array> arguments) {
  return interpret(*toy::read(text), arguments);
}

std::string error_of(std::string_view text, std::vector<Array> arguments) {
  return toy::error_of([&] { run(text, arguments); });
}

}  // namespace

TEST_CASE("elementwise ops act on doubles, whatever the program's float") {
  const auto results = run("graph g (%x: f32[2]) { %y = add %x, %x yield %y, %x }",
                           {Array::of({2}, {0.1, 1e300}, Dtype::F32)});
  CHECK(results[0].reals == std::vector<double>{0.2, 2e300});
  CHECK(results[1].reals == std::vector<double>{0.1, 1e300});
}

TEST_CASE("integers are exact and wrap at their dtype") {
  const std::int64_t odd = (std::int64_t{1} << 53) + 1;
  const std::string_view wide = "graph g (%x: i64[]) { %y = add %x, %x yield %y }";
  CHECK(run(wide, {Array::scalar_integer(Dtype::I64, odd)})[0].integer() == 2 * odd);
  CHECK(run(wide, {Array::scalar_integer(Dtype::I64, INT64_MAX)})[0].integer() == -2);
  CHECK(run("graph g (%x: i32[]) { %y = add %x, %x yield %y }",
            {Array::scalar_integer(Dtype::I32, INT32_MAX)})[0]
            .integer() == -2);
  const std::string_view inexact = "graph g (%x: i64[]) { %y = twice %x yield %y }";
  CHECK(run(inexact, {Array::scalar_integer(Dtype::I64, 21)})[0].integer() == 42);
  CHECK_THROWS_AS(run(inexact, {Array::scalar_integer(Dtype::I64, odd)}), std::logic_error);
}

TEST_CASE("sizes are learnt from the arguments, also from polynomials of one symbol") {
  const std::string_view text = R"(graph g batch B (%x: f64[20*B + 1], %y: f64[B*N]) {
    %z = fill {shape = <B, N - 1>, value = 7.0}
    yield %z
  })";
  const Array result =
      run(text, {Array::zeros(Dtype::F64, {41}), Array::zeros(Dtype::F64, {6})})[0];
  CHECK(result.dims == std::vector<std::int64_t>{2, 2});
  CHECK(result.reals == std::vector<double>(4, 7.0));
}

TEST_CASE("every argument that does not fit is named, with what was wanted and got") {
  const std::string_view text =
      "graph g (%w: f32[3], %x: f32[3, B], %y: i32[B], %0: f64[]) { yield }";
  CHECK(error_of(text, {Array::zeros(Dtype::F32, {4}), Array::zeros(Dtype::F32, {3, 5}),
                        Array::zeros(Dtype::I32, {6}), Array::zeros(Dtype::F32, {})}) ==
        "error: argument 'w' wants f32[3], got f32[4]; "
        "argument 'y' wants i32[B] where B is 5, got i32[6]; "
        "argument 3 wants f64[], got f32[]");
  CHECK(error_of(text, {}) == "error: 'g' takes 4 arguments, got 0");
  CHECK(error_of("graph g (%x: f32[B*B]) { yield }", {Array::zeros(Dtype::F32, {9})}) ==
        "error: argument 'x' wants f32[B*B], got f32[9]");
  CHECK(error_of("graph g (%x: f32[B + 1]) { yield }", {Array::zeros(Dtype::F32, {0})}) ==
        "error: argument 'x' wants f32[B + 1], got f32[0]");
}

TEST_CASE("regions run on their operands, tuples come apart again") {
  const auto results = run(R"(graph g (%x: f64[], %y: f64[]) {
    %t = call %x, %y region (%a: f64[], %b: f64[]) {
      %s = add %a, %b
      %t = tuple %s, %a
      yield %t
    }
    %p, %q = split %t
    yield %p, %q
  })",
                           {Array::scalar(Dtype::F64, 2), Array::scalar(Dtype::F64, 3)});
  CHECK(results[0].real() == 5);
  CHECK(results[1].real() == 2);
}

TEST_CASE("a box is one cell under every alias, across regions too") {
  const auto results = run(R"(graph g (%x: f64[], %y: f64[]) {
    %b = box.new %x
    call %b, %y region (%c: box<f64[]>, %v: f64[]) {
      box.store %c, %v
      yield
    }
    %z = box.load %b
    yield %z
  })",
                           {Array::scalar(Dtype::F64, 2), Array::scalar(Dtype::F64, 3)});
  CHECK(results[0].real() == 3);
}

TEST_CASE("a program whose box changes type runs as long as its ops type") {
  const std::string_view text = R"(graph g (%x: f64[2], %y: f64[3], %z: f64[3]) {
    %b = box.new %x
    box.store %b, %y
    %l = box.load %b
    %d = twice %l
    %e = add %d, %x
    yield %e
  })";
  const std::vector<Array> arguments = {Array::zeros(Dtype::F64, {2}), Array::of({3}, {1, 2, 3}),
                                        Array::zeros(Dtype::F64, {3})};
  CHECK(error_of(text, arguments) ==
        "error: 'add' takes operands of one type, got f64[3] and f64[2]\n"
        "  --> t.ir:6\n"
        "  help: broadcast one of them");
  std::string works(text);
  works.replace(works.find("%d, %x"), 6, "%d, %z");
  CHECK_THROWS_AS(toy::read(works), Error);  // declared types are checked when it is read
  works.replace(works.find("%e = add %d, %z"), 15, "%e = twice %d");
  CHECK(run(works, arguments)[0].reals == std::vector<double>{4, 8, 12});
}

TEST_CASE("an evaluation that does not give its declared type is our mistake") {
  CHECK_THROWS_WITH_AS(
      run("graph g (%x: f64[2]) { %y = liar %x yield %y }", {Array::zeros(Dtype::F64, {2})}),
      doctest::Contains("'liar' evaluates to f64[99]:\n%y = liar %x : f64[2]"), std::logic_error);
}

TEST_CASE("an op that only a stage can resolve says so at its line") {
  CHECK(error_of("graph g () {\n  %y = blob.any\n  yield %y\n}", {}) ==
        "error: 'blob.any' is not interpreted: a stage replaces it\n  --> t.ir:2");
}

TEST_CASE("an array that is used again later is not given away") {
  const auto results = run(R"(graph g (%x: f64[1]) {
    %t = tuple %x, %x
    %a, %b = split %t
    %c = add %a, %x
    %u = tuple %c, %b, %b
    %d, %e, %f = split %u
    yield %d, %e, %f, %x, %x
  })",
                           {Array::of({1}, {5})});
  CHECK(results[0].real() == 10);
  for (int i = 1; i < 5; ++i) CHECK(results[std::size_t(i)].real() == 5);
}
