// Principal components: of points on a plane in space, and of none.
#include "examples/digits/page.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace nodec::digits;

TEST_CASE("the first component is along which points differ most") {
  std::vector<Trajectory> paths(2);
  for (int i = 0; i < 10; ++i) {
    // 5 along (0, 1, 0, 0), 1 along (0, 0, 0, 1), around (7, 7, 7, 7).
    const double t = i / 9.0 - 0.5;
    paths[0].states.push_back({7, 7 + 5 * t, 7, 7 + 0.5});
    paths[1].states.push_back({7, 7 + 5 * t, 7, 7 - 0.5});
  }
  const auto flat = principal(paths);
  REQUIRE(flat.size() == 2);
  REQUIRE(flat[0].size() == 10);
  CHECK(std::abs(flat[0][9][0] - flat[0][0][0]) == doctest::Approx(5));
  CHECK(std::abs(flat[0][4][1] - flat[1][4][1]) == doctest::Approx(1));
  CHECK(std::abs(flat[0][0][1] - flat[0][9][1]) < 1e-9);
}

TEST_CASE("no paths have no components, and points that are one have none either") {
  CHECK(principal({}).empty());
  std::vector<Trajectory> still(1);
  still[0].states.assign(3, {1, 2});
  const auto flat = principal(still);
  for (const auto& point : flat[0]) {
    CHECK(point[0] == 0);
    CHECK(point[1] == 0);
  }
}
