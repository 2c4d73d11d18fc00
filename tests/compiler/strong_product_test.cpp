// The product in which 0 absorbs, as machine code: a number's jumps past what is rare, lanes do
// not. Both have the bits of its definition, the signs of zeros included.
#include <cmath>
#include <limits>

#include "compiler/nodec.h"
#include "kernels/catalogue.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

std::vector<double> corners(Dtype dtype) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double least = dtype == Dtype::F32 ? 0x1p-149 : 0x1p-1074;
  const double most = dtype == Dtype::F32 ? double(std::numeric_limits<float>::max())
                                          : std::numeric_limits<double>::max();
  std::vector<double> all{0, 1, 1.5, 1e-30, least, most, inf};
  const std::size_t positive = all.size();
  for (std::size_t i = 0; i < positive; ++i) all.push_back(-all[i]);
  all.push_back(std::numeric_limits<double>::quiet_NaN());
  return all;
}

void check_bits(double got, double x, double y, Dtype dtype) {
  const std::vector<double> operands{x, y};
  double want = strong_mul_p.scalar(operands);
  if (dtype == Dtype::F32) want = double(float(want));
  const bool same =
      std::isnan(want) ? std::isnan(got) : got == want && std::signbit(got) == std::signbit(want);
  CHECK_MESSAGE(same, x, " by ", y, ": got ", got, ", wanted ", want);
}

}  // namespace

TEST_CASE("a strong product of numbers or of lanes has the bits of its definition") {
  for (const Dtype dtype : {Dtype::F64, Dtype::F32}) {
    const std::string f = dtype == Dtype::F64 ? "f64" : "f32";
    const Program number = oracle::compile_fresh(
        *oracle::read("graph p (%x: " + f + "[], %y: " + f +
                      "[]) {\n  %0 = strong_mul %x, %y : " + f + "[]\n  yield %0\n}"));
    const Program lanes = oracle::compile_fresh(
        *oracle::read("graph p batch B (%x: " + f + "[B], %y: " + f +
                      "[B]) {\n  %0 = strong_mul %x, %y : " + f + "[B]\n  yield %0\n}"));
    for (const double x : corners(dtype)) {
      for (const double y : corners(dtype)) {
        const auto one =
            oracle::run_compiled(number, {Array::scalar(dtype, x), Array::scalar(dtype, y)});
        check_bits(oracle::value_at(one[0], 0), x, y, dtype);
        const auto many =
            oracle::run_compiled(lanes, {Array::of({1}, {x}, dtype), Array::of({1}, {y}, dtype)});
        check_bits(oracle::value_at(many[0], 0), x, y, dtype);
      }
    }
  }
}

}  // namespace nodec
