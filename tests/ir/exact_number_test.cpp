// Bits to text and back.
#include "ir/exact_number.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/comma_locale.h"

namespace nodec {
namespace {

bool comes_back(double number) {
  const auto again = exact_number(exact_text(number));
  return again && std::memcmp(&*again, &number, sizeof number) == 0;
}

void check_all() {
  using Limits = std::numeric_limits<double>;
  CHECK(exact_text(0.01) == "0x1.47ae147ae147bp-7");
  CHECK(exact_text(-1.5) == "-0x1.8p+0");
  CHECK(exact_text(-0.0) == "-0x0p+0");
  for (const double x : {0.0, -0.0, 1.0, -0.1, Limits::max(), Limits::min(), Limits::denorm_min(),
                         Limits::infinity(), -Limits::infinity()}) {
    CHECK_MESSAGE(comes_back(x), x);
  }
  CHECK(std::isnan(*exact_number(exact_text(Limits::quiet_NaN()))));
  for (const char* odd : {"", "-", "0x", "abcq", "--1", "0x1,8p+1", "0x1.8p+1 ", " 1", "0x-1"}) {
    CHECK_MESSAGE(!exact_number(odd), odd);
  }
}

}  // namespace

TEST_CASE("a number's text brings back its bits, and nothing else is one") { check_all(); }

TEST_CASE("whatever the locale") {
  const testing::CommaLocale comma;
  if (comma.holds()) check_all();
}

}  // namespace nodec
