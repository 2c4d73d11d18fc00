// Random numbers: what they are made of, and that they look random.
#include <doctest/doctest.h>

#include <cmath>

#include "ir/interpret.h"
#include "ir/parse.h"
#include "ir/philox.h"
#include "kernels/catalogue.h"

using namespace nodec;

namespace {

Array draw(std::string_view op, std::int64_t seed, std::int64_t fold, std::string_view dtype) {
  const std::string text = fmt::format(
      "graph g (%seed: i64[], %fold: i64[]) {{\n"
      "  %root = key %seed\n"
      "  %key = fold_in %root, %fold\n"
      "  %x = {} %key {{dtype = {}, shape = <100, 200>}}\n"
      "  yield %x\n}}\n",
      op, dtype);
  const auto graph = parse(text, find_primitive);
  const std::vector<Array> x{Array::scalar_integer(Dtype::I64, seed),
                             Array::scalar_integer(Dtype::I64, fold)};
  return interpret(*graph, x).at(0);
}

struct Moments {
  double mean = 0, variance = 0, fourth = 0;
};

Moments moments(const Array& x) {
  Moments m;
  for (std::int64_t i = 0; i < x.count(); ++i) m.mean += x.real(i) / double(x.count());
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const double square = (x.real(i) - m.mean) * (x.real(i) - m.mean);
    m.variance += square / double(x.count());
    m.fourth += square * square / double(x.count());
  }
  return m;
}

}  // namespace

TEST_CASE("an element is Philox of its index under the folded key") {
  const Array x = draw("random_uniform", 42, 7, "f32");
  const std::uint64_t key = philox::fold_in(42, 7);
  for (const std::int64_t i : {0, 1, 19999}) {
    CHECK(x.real(i) == philox::uniform_f32(philox::draw(key, std::uint64_t(i))[0]));
  }
  CHECK(draw("random_uniform", 42, 7, "f32") == x);
  CHECK(draw("random_uniform", 42, 8, "f32") != x);
  CHECK(draw("random_uniform", 43, 7, "f32") != x);
}

TEST_CASE("uniform numbers fill [0, 1) evenly") {
  for (const char* dtype : {"f32", "f64"}) {
    const Array x = draw("random_uniform", 1, 2, dtype);
    for (const double value : x.reals) REQUIRE((value >= 0 && value < 1));
    const Moments m = moments(x);
    CHECK(m.mean == doctest::Approx(0.5).epsilon(0.02));
    CHECK(m.variance == doctest::Approx(1.0 / 12).epsilon(0.03));
  }
}

TEST_CASE("normal numbers have mean 0, variance 1 and kurtosis 3") {
  for (const char* dtype : {"f32", "f64"}) {
    const Moments m = moments(draw("random_normal", 3, 4, dtype));
    CHECK(std::fabs(m.mean) < 0.03);
    CHECK(m.variance == doctest::Approx(1).epsilon(0.04));
    CHECK(m.fourth == doctest::Approx(3).epsilon(0.15));
  }
}
