// Dims as polynomials: normal form, ring laws, exact division.
#include <doctest/doctest.h>

#include <random>

#include "ir/error.h"
#include "ir/type.h"

using namespace nodec;

namespace {

const Dim B = Dim::symbol("B"), N = Dim::symbol("N");

Dim random_dim(std::mt19937& random, int depth = 3) {
  const auto pick = random() % (depth ? 6 : 3);
  if (pick == 0) return B;
  if (pick == 1) return N;
  if (pick == 2) return Dim(std::int64_t(random() % 9) - 4);
  const Dim a = random_dim(random, depth - 1), b = random_dim(random, depth - 1);
  return pick == 3 ? a + b : pick == 4 ? a - b : a * b;
}

}  // namespace

TEST_CASE("names in a list of dims are symbols, however many, beside numbers and alone") {
  const Dim n = Dim::symbol("N"), m = Dim::symbol("M");
  CHECK(Shape{"N", "M"} == Shape({n, m}));
  CHECK(Shape{"N", "N"} == Shape({n, n}));
  CHECK(Shape{"N"} == Shape({n}));
  CHECK(Shape{0, "N", 3} == Shape({Dim(0), n, Dim(3)}));
}

TEST_CASE("a dim prints its terms by falling degree") {
  CHECK(Dim(0).str() == "0");
  CHECK(Dim(-7).str() == "-7");
  CHECK((Dim(20) * B + 1).str() == "20*B + 1");
  CHECK((B - 1).str() == "B - 1");
  CHECK((Dim(1) - B).str() == "-B + 1");
  CHECK((N * B * B + N * 3 - B * N).str() == "B*B*N - B*N + 3*N");
  CHECK(Dim::unknown().str() == "?");
  CHECK(Dim(INT64_MIN).str() == "-9223372036854775808");
}

TEST_CASE("equal polynomials are equal dims however they are made") {
  CHECK((B + 1) * (B - 1) == B * B - 1);
  CHECK(B - B == Dim(0));
  CHECK((B - B).is_constant());
  CHECK(B * 0 == Dim(0));
  CHECK(B != N);
}

TEST_CASE("dims are a commutative ring, and evaluation keeps its laws") {
  std::mt19937 random(1);
  for (int trial = 0; trial < 500; ++trial) {
    const Dim a = random_dim(random), b = random_dim(random), c = random_dim(random);
    CHECK(a + b == b + a);
    CHECK(a * b == b * a);
    CHECK((a + b) + c == a + (b + c));
    CHECK((a * b) * c == a * (b * c));
    CHECK(a * (b + c) == a * b + a * c);
    CHECK(a - a == Dim(0));
    const Bindings at{{"B", 3}, {"N", 5}};
    CHECK((a * b - c).evaluate(at) == a.evaluate(at) * b.evaluate(at) - c.evaluate(at));
    CHECK(substitute(a, {{"B", Dim(3)}, {"N", Dim(5)}}).constant() == a.evaluate(at));
    CHECK(substitute(substitute(a, {{"B", N + 1}}), {{"N", B}}) ==
          substitute(a, {{"B", B + 1}, {"N", B}}));
  }
}

TEST_CASE("a product divides by its factors and by nothing it is not a multiple of") {
  std::mt19937 random(2);
  for (int trial = 0; trial < 500; ++trial) {
    const Dim a = random_dim(random), b = random_dim(random);
    if (b == Dim(0)) continue;
    const std::optional<Dim> back = (a * b).divided_by(b);
    REQUIRE(back);
    CHECK(*back == a);
    if (const auto other = (a * b + 1).divided_by(b)) CHECK(*other * b == a * b + 1);
  }
  CHECK((Dim(20) * B).divided_by(10) == Dim(2) * B);
  CHECK_FALSE((Dim(20) * B).divided_by(3));
  CHECK_FALSE(B.divided_by(N));
  CHECK_FALSE(B.divided_by(0));
  CHECK_FALSE(Dim::unknown().divided_by(2));
  CHECK(Dim(0).divided_by(B) == Dim(0));
  CHECK_THROWS_AS((void)Dim(INT64_MIN).divided_by(-1), Error);
}

TEST_CASE("a dim knows its symbols") {
  const Dim dim = B * N + N * 2;
  CHECK(dim.symbols() == std::vector<std::string>{"B", "N"});
  CHECK(dim.mentions("B"));
  CHECK_FALSE(dim.mentions("C"));
  CHECK_FALSE(dim.is_constant());
  CHECK_THROWS_WITH_AS(dim.evaluate({{"B", 2}}), "error: the size symbol 'N' has no value", Error);
  CHECK_THROWS_AS(Dim::unknown().evaluate({}), Error);
  CHECK_THROWS_WITH_AS(Dim::symbol("2x"),
                       "error: a size symbol is a word of letters, digits and _, got \"2x\"",
                       Error);
}

TEST_CASE("the unknown dim swallows what it meets") {
  CHECK((Dim::unknown() + 1).is_unknown());
  CHECK((B * Dim::unknown()).is_unknown());
  CHECK(Dim::unknown() == Dim::unknown());
  CHECK(Dim::unknown() != Dim(0));
}

TEST_CASE("sizes never wrap around and polynomials never grow without end") {
  const Dim big = std::int64_t{1} << 62;
  CHECK_THROWS_WITH_AS(big + big, "error: a size is past 2^63", Error);
  CHECK_THROWS_AS(big * 2, Error);
  CHECK_THROWS_AS((big * B).evaluate({{"B", 2}}), Error);
  Dim power = B + N + 1;
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 8; ++i) power = power * power;
      }(),
      Error);
}
