// The products in which 0 absorbs, as machine code: a number's jumps past what is rare, lanes do
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

void check_bits(const Primitive& op, double got, double x, double y, Dtype dtype) {
  const std::vector<double> operands{x, y};
  double want = op.scalar(operands);
  if (dtype == Dtype::F32) want = double(float(want));
  const bool same =
      std::isnan(want) ? std::isnan(got) : got == want && std::signbit(got) == std::signbit(want);
  CHECK_MESSAGE(same, op.name, " of ", x, " by ", y, ": got ", got, ", wanted ", want);
}

void check_all(const Primitive& op, Dtype dtype) {
  const std::string f = dtype == Dtype::F64 ? "f64" : "f32";
  const auto compiled = [&](const std::string& batch, const std::string& type) {
    return oracle::compile_fresh(
        *oracle::read(fmt::format("graph p{0}(%x: {1}, %y: {1}) {{\n  %0 = {2} %x, %y : {1}\n"
                                  "  yield %0\n}}",
                                  batch, type, op.name)));
  };
  const Program number = compiled(" ", f + "[]"), lanes = compiled(" batch B ", f + "[B]");
  for (const double x : corners(dtype)) {
    for (const double y : corners(dtype)) {
      const auto one =
          oracle::run_compiled(number, {Array::scalar(dtype, x), Array::scalar(dtype, y)});
      check_bits(op, oracle::value_at(one[0], 0), x, y, dtype);
      const auto many =
          oracle::run_compiled(lanes, {Array::of({1}, {x}, dtype), Array::of({1}, {y}, dtype)});
      check_bits(op, oracle::value_at(many[0], 0), x, y, dtype);
    }
  }
}

}  // namespace

TEST_CASE("strong products of numbers or of lanes have the bits of their definitions") {
  for (const Primitive* op : {&strong_mul_p, &absorbing_mul_p}) {
    for (const Dtype dtype : {Dtype::F64, Dtype::F32}) check_all(*op, dtype);
  }
}

}  // namespace nodec
