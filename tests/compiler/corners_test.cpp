// First and second derivatives of every elementwise op where they are easily wrong: at zeros of
// either sign, infinities, NaN and the edges of its domain; interpreted and as machine code.
#include <limits>
#include <map>
#include <numbers>

#include "compiler/nodec.h"
#include "compiler/trace/access.h"
#include "kernels/build.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Vars = std::vector<Var>;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLn2 = std::numbers::ln2, kE = std::numbers::e;

// A point, the derivative in each operand, and the second ones: 00, 01, ..., 11, ...
struct Corner {
  std::vector<double> at, first, second;
};

const std::map<std::string, std::vector<Corner>, std::less<>>& corners() {
  static const std::map<std::string, std::vector<Corner>, std::less<>> all{
      {"abs", {{{0}, {0}, {0}}, {{-0.0}, {0}, {0}}, {{1}, {1}, {0}}, {{-kInf}, {-1}, {0}}}},
      {"absorbing_mul",
       {{{2, 3}, {3, 2}, {0, 1, 0}},
        {{0, kInf}, {kInf, 0}, {0, 1, 0}},
        {{0, kNaN}, {kNaN, 0}, {0, 1, 0}},
        {{kNaN, 0}, {0, kNaN}, {0, 1, 0}}}},
      {"acos",
       {{{0}, {-1}, {0}},
        {{0.5}, {-1.1547005383792515}, {-0.769800358919501}},
        {{1}, {-kInf}, {-kInf}},
        {{-1}, {-kInf}, {kInf}},
        {{2}, {kNaN}, {kNaN}},
        {{kInf}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"add", {{{0, kInf}, {1, 1}, {0, 0, 0}}, {{kNaN, 1}, {1, 1}, {0, 0, 0}}}},
      {"asin",
       {{{0}, {1}, {0}},
        {{-0.0}, {1}, {0}},
        {{0.5}, {1.1547005383792515}, {0.769800358919501}},
        {{1}, {kInf}, {kInf}},
        {{-1}, {kInf}, {-kInf}},
        {{2}, {kNaN}, {kNaN}},
        {{kInf}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"atan",
       {{{0}, {1}, {0}},
        {{-0.0}, {1}, {0}},
        {{1}, {0.5}, {-0.5}},
        {{1e30}, {0}, {0}},
        {{kInf}, {0}, {0}},
        {{-kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"atan2",
       {{{1, 1}, {0.5, -0.5}, {-0.5, 0, 0.5}},
        {{1, 2}, {0.4, -0.2}, {-0.16, -0.12, 0.16}},
        {{2, -1}, {-0.2, -0.4}, {0.16, 0.12, -0.16}},
        {{0, 1}, {1, 0}, {0, -1, 0}},
        {{0, -1}, {-1, 0}, {0, -1, 0}},
        {{1, 0}, {0, -1}, {0, 1, 0}},
        {{0, 0}, {kNaN, kNaN}, {kNaN, kNaN, kNaN}},
        {{kNaN, 1}, {kNaN, kNaN}, {kNaN, kNaN, kNaN}}}},
      {"cast", {{{0}, {1}, {0}}, {{kInf}, {1}, {0}}, {{kNaN}, {1}, {0}}}},
      {"clamp",
       {{{0, -1, 1}, {1, 0, 0}, {0, 0, 0, 0, 0, 0}},
        {{-1, -1, 1}, {1, 0, 0}, {0, 0, 0, 0, 0, 0}},
        {{1, -1, 1}, {1, 0, 0}, {0, 0, 0, 0, 0, 0}},
        {{2, -1, 1}, {0, 0, 1}, {0, 0, 0, 0, 0, 0}},
        {{kInf, -1, 1}, {0, 0, 1}, {0, 0, 0, 0, 0, 0}},
        {{-kInf, -1, 1}, {0, 1, 0}, {0, 0, 0, 0, 0, 0}}}},
      {"cos",
       {{{0}, {0}, {-1}},
        {{1}, {-std::sin(1)}, {-std::cos(1)}},
        {{kInf}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"cosh",
       {{{0}, {0}, {1}},
        {{1}, {1.1752011936438014}, {1.5430806348152437}},
        {{kInf}, {kInf}, {kInf}},
        {{-kInf}, {-kInf}, {kInf}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"digamma",
       {{{1}, {1.6449340668482264}, {-2.4041138063191886}},
        {{-0.5}, {8.934802200544679}, {-0.8287966442343197}},
        {{0}, {kInf}, {-kInf}},
        {{-0.0}, {kInf}, {kInf}},
        {{-1}, {kInf}, {kNaN}},
        {{kInf}, {0}, {0}},
        {{-kInf}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"div",
       {{{1, 1}, {1, -1}, {0, -1, 2}},
        {{0, 1}, {1, 0}, {0, -1, 0}},
        {{1, 0}, {kInf, -kInf}, {0, -kInf, kInf}},
        {{1, -0.0}, {-kInf, -kInf}, {0, -kInf, -kInf}},
        {{0, 0}, {kInf, kNaN}, {0, -kInf, kNaN}},
        {{1, kInf}, {0, 0}, {0, 0, 0}},
        {{kInf, 1}, {1, -kInf}, {0, -1, kInf}},
        {{kNaN, 1}, {1, kNaN}, {0, -1, kNaN}},
        {{1, kNaN}, {kNaN, kNaN}, {0, kNaN, kNaN}}}},
      {"erf",
       {{{0}, {2 * std::numbers::inv_sqrtpi}, {0}},
        {{1}, {2 * std::numbers::inv_sqrtpi / kE}, {-4 * std::numbers::inv_sqrtpi / kE}},
        {{1e30}, {0}, {0}},
        {{kInf}, {0}, {0}},
        {{-kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"exp",
       {{{0}, {1}, {1}},
        {{-0.0}, {1}, {1}},
        {{1}, {kE}, {kE}},
        {{kInf}, {kInf}, {kInf}},
        {{-kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"exp2",
       {{{0}, {kLn2}, {kLn2 * kLn2}},
        {{1}, {2 * kLn2}, {2 * kLn2 * kLn2}},
        {{kInf}, {kInf}, {kInf}},
        {{-kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"expm1",
       {{{0}, {1}, {1}},
        {{-0.0}, {1}, {1}},
        {{1}, {kE}, {kE}},
        {{kInf}, {kInf}, {kInf}},
        {{-kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"flush",
       {{{0}, {1}, {0}},
        {{-0.0}, {1}, {0}},
        {{0x1p-101}, {1}, {0}},
        {{kInf}, {1}, {0}},
        {{kNaN}, {1}, {0}}}},
      {"fma",
       {{{2, 3, 4}, {3, 2, 1}, {0, 1, 0, 0, 0, 0}},
        {{0, kInf, 1}, {kInf, 0, 1}, {0, 1, 0, 0, 0, 0}},
        {{1, 2, kNaN}, {2, 1, 1}, {0, 1, 0, 0, 0, 0}}}},
      {"lgamma",
       {{{1}, {-0.5772156649015329}, {1.6449340668482264}},
        {{2}, {0.42278433509846714}, {0.6449340668482264}},
        {{-0.5}, {0.03648997397857652}, {8.934802200544679}},
        {{0}, {-kInf}, {kInf}},
        {{-0.0}, {kInf}, {kInf}},
        {{-1}, {kNaN}, {kInf}},
        {{kInf}, {kInf}, {0}},
        {{-kInf}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"log",
       {{{0}, {kInf}, {-kInf}},
        {{-0.0}, {kInf}, {-kInf}},
        {{1}, {1}, {-1}},
        {{kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"log1p",
       {{{-1}, {kInf}, {-kInf}},
        {{0}, {1}, {-1}},
        {{-0.0}, {1}, {-1}},
        {{1}, {0.5}, {-0.25}},
        {{kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"log2",
       {{{0}, {kInf}, {-kInf}},
        {{-0.0}, {kInf}, {-kInf}},
        {{1}, {1 / kLn2}, {-1 / kLn2}},
        {{kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"max",
       {{{1, 2}, {0, 1}, {0, 0, 0}},
        {{1, 1}, {1, 0}, {0, 0, 0}},
        {{0, -0.0}, {1, 0}, {0, 0, 0}},
        {{kInf, kInf}, {1, 0}, {0, 0, 0}}}},
      {"min",
       {{{1, 2}, {1, 0}, {0, 0, 0}},
        {{1, 1}, {1, 0}, {0, 0, 0}},
        {{0, -0.0}, {1, 0}, {0, 0, 0}},
        {{-kInf, -kInf}, {1, 0}, {0, 0, 0}}}},
      {"next_after",
       {{{1, 2}, {1, 0}, {0, 0, 0}},
        {{0, -1}, {1, 0}, {0, 0, 0}},
        {{kInf, 0}, {1, 0}, {0, 0, 0}},
        {{kNaN, 1}, {1, 0}, {0, 0, 0}}}},
      {"mul",
       {{{2, 3}, {3, 2}, {0, 1, 0}},
        {{0, 0}, {0, 0}, {0, 1, 0}},
        {{0, kInf}, {kInf, 0}, {0, 1, 0}},
        {{kNaN, 1}, {1, kNaN}, {0, 1, 0}}}},
      {"neg", {{{0}, {-1}, {0}}, {{kInf}, {-1}, {0}}, {{kNaN}, {-1}, {0}}}},
      {"polygamma",
       {{{1}, {-2.4041138063191886}, {6.493939402266829}},
        {{0}, {-kInf}, {kInf}},
        {{-1}, {kNaN}, {kInf}},
        {{kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"pow",
       {{{2, 3}, {12, 8 * kLn2}, {12, 4 + 12 * kLn2, 8 * kLn2 * kLn2}},
        {{0, 2}, {0, 0}, {2, 0, 0}},
        {{-0.0, 2}, {0, 0}, {2, 0, 0}},
        {{0, 1}, {1, 0}, {0, -kInf, 0}},
        {{0, 0.5}, {kInf, 0}, {-kInf, kNaN, 0}},  // 01: inf - inf
        {{0, 0}, {0, -kInf}, {0, kInf, kInf}},
        {{0, -1}, {-kInf, -kInf}, {kInf, kInf, kInf}},
        {{1, 0}, {0, 0}, {0, 1, 0}},
        {{-2, 2}, {-4, kNaN}, {2, kNaN, kNaN}},
        {{kInf, 2}, {kInf, kInf}, {2, kInf, kInf}},
        {{kInf, 0}, {0, kInf}, {0, 0, kInf}},
        {{kNaN, 2}, {kNaN, kNaN}, {kNaN, kNaN, kNaN}},
        {{1, kNaN}, {kNaN, kNaN}, {kNaN, kNaN, 0}}}},  // 11: log(1) absorbs
      {"relu",
       {{{0}, {0}, {0}},
        {{-0.0}, {0}, {0}},
        {{1}, {1}, {0}},
        {{kInf}, {1}, {0}},
        {{-kInf}, {0}, {0}}}},
      {"rsqrt",
       {{{0}, {-kInf}, {kInf}},
        {{1}, {-0.5}, {0.75}},
        {{kInf}, {0}, {0}},
        {{-1}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"select",
       {{{1, 2, kInf}, {0, 1, 0}, {0, 0, 0, 0, 0, 0}},
        {{0, kNaN, 3}, {0, 0, 1}, {0, 0, 0, 0, 0, 0}},
        {{kNaN, 2, 3}, {0, 0, 1}, {0, 0, 0, 0, 0, 0}}}},
      {"sigmoid",
       {{{0}, {0.25}, {0}},
        {{1}, {0.19661193324148185}, {-0.09085774767294841}},
        {{kInf}, {0}, {0}},
        {{-kInf}, {0}, {0}},
        {{1000}, {0}, {0}},
        {{-1000}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"sin",
       {{{0}, {1}, {0}},
        {{1}, {std::cos(1)}, {-std::sin(1)}},
        {{kInf}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"sinh",
       {{{0}, {1}, {0}},
        {{-0.0}, {1}, {0}},
        {{1}, {1.5430806348152437}, {1.1752011936438014}},
        {{kInf}, {kInf}, {kInf}},
        {{-kInf}, {kInf}, {-kInf}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"softplus",
       {{{0}, {0.5}, {0.25}},
        {{1}, {0.7310585786300049}, {0.19661193324148185}},
        {{1000}, {1}, {0}},
        {{-1000}, {0}, {0}},
        {{kInf}, {1}, {0}},
        {{-kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"sqrt",
       {{{0}, {kInf}, {-kInf}},
        {{-0.0}, {kInf}, {-kInf}},
        {{1}, {0.5}, {-0.25}},
        {{kInf}, {0}, {0}},
        {{-1}, {kNaN}, {kNaN}},
        {{kNaN}, {kNaN}, {kNaN}}}},
      {"strong_mul",
       {{{2, 3}, {3, 2}, {0, 1, 0}},
        {{0, kInf}, {kInf, 0}, {0, 1, 0}},
        {{0, kNaN}, {kNaN, 0}, {0, 1, 0}},
        {{kNaN, 0}, {0, kNaN}, {0, 1, 0}}}},
      {"sub", {{{0, kInf}, {1, -1}, {0, 0, 0}}, {{kNaN, 1}, {1, -1}, {0, 0, 0}}}},
      {"tanh",
       {{{0}, {1}, {0}},
        {{1}, {0.41997434161402614}, {-0.6397000084492246}},
        {{kInf}, {0}, {0}},
        {{-kInf}, {0}, {0}},
        {{kNaN}, {kNaN}, {kNaN}}}},
  };
  return all;
}

// The op of floats: a select's condition is that its first operand is positive, a cast goes to the
// other float and back, and truth values become 0 or 1.
Var apply(const Primitive& p, const Vars& x) {
  const Dtype real = x.front().dtype();
  if (&p == &cast_p) return cast(cast(x[0], real == Dtype::F32 ? Dtype::F64 : Dtype::F32), real);
  if (&p == &select_p) return select(x[0] > 0, x[1], x[2]);
  if (&p == &polygamma_p) return polygamma(x[0], 1);
  std::vector<Value*> values;
  const SourceLine where = SourceLine::of(Here::current());
  Builder b = tracing::builder_at(where);
  for (const Var& var : x) values.push_back(tracing::Access::value(b, Operand(var)));
  return cast(tracing::Access::make(b.value(p, values), where), real);
}

// Results: the derivative in each operand, then the second ones, each at all points.
Traced derivatives(const Primitive& p, Dtype real, std::size_t operands, std::size_t points) {
  std::vector<Input> inputs;
  for (std::size_t i = 0; i < operands; ++i) {
    inputs.push_back({fmt::format("x{}", i), Type::tensor(real, {Dim(std::int64_t(points))})});
  }
  return trace(std::string(p.name), inputs, [&](Vars& x) {
    const auto first = [&](const Vars& at) {
      return grad([&](const Vars& y) { return sum(apply(p, y)); }, at);
    };
    Vars all = first(x);
    for (std::size_t i = 0; i < operands; ++i) {
      const Vars row = grad([&](const Vars& at) { return sum(first(at)[i]); }, x);
      for (std::size_t j = i; j < operands; ++j) all.push_back(row[j]);
    }
    return all;
  });
}

bool agree(double got, double want, Dtype real) {
  if (std::isnan(want) || std::isinf(want)) return std::isnan(want) ? std::isnan(got) : got == want;
  return std::abs(got - want) <= (real == Dtype::F32 ? 2e-6 : 1e-14) * (1 + std::abs(want));
}

void check(const Primitive& p, Dtype real, const std::vector<Corner>& table) {
  const std::size_t operands = table.front().at.size();
  const Traced traced = derivatives(p, real, operands, table.size());
  std::vector<Array> inputs;
  for (std::size_t i = 0; i < operands; ++i) {
    Array x = Array::zeros(real, {std::int64_t(table.size())});
    for (std::size_t k = 0; k < table.size(); ++k) x.set(std::int64_t(k), table[k].at[i]);
    inputs.push_back(std::move(x));
  }
  const auto interpreted = interpret(*run_until(*traced.graph, "differentiate"), inputs);
  const auto compiled = oracle::run_compiled(oracle::compile_fresh(*traced.graph), inputs);
  for (std::size_t k = 0; k < table.size(); ++k) {
    std::vector<double> want = table[k].first;
    want.insert(want.end(), table[k].second.begin(), table[k].second.end());
    REQUIRE(want.size() == interpreted.size());
    for (std::size_t r = 0; r < want.size(); ++r) {
      const double one = interpreted[r].real(std::int64_t(k));
      const double other = oracle::value_at(compiled[r], k);
      INFO(p.name, " in ", name(real), " at ", fmt::format("{}", fmt::join(table[k].at, ", ")));
      CHECK_MESSAGE(agree(one, want[r], real), "interpreted: derivative ", r, " is ", one,
                    ", wanted ", want[r]);
      CHECK_MESSAGE(agree(other, want[r], real), "compiled: derivative ", r, " is ", other,
                    ", wanted ", want[r]);
    }
  }
}

// A step: its derivatives are 0 everywhere.
std::vector<Corner> flat_corners(std::size_t operands) {
  std::vector<Corner> table;
  for (const double x : {0.0, -0.0, 1.0, -1.0, kInf, -kInf, kNaN}) {
    table.push_back({std::vector<double>(operands, x), std::vector<double>(operands, 0),
                     std::vector<double>(operands * (operands + 1) / 2, 0)});
  }
  return table;
}

bool is_flat(const Primitive& p) { return p.gradient.rule == no_cotangents; }

bool has_float_operands(const Primitive& p) {
  if (&p == &cast_p || &p == &select_p || &p == &polygamma_p) return true;  // as `apply` uses them
  Region region;
  Builder b(region);
  std::vector<Value*> x;
  for (int i = 0; i < p.arity; ++i) x.push_back(region.add_arg(Type::scalar(Dtype::F32)));
  try {
    b.value(p, x);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

TEST_CASE("derivatives of every elementwise op are right at its corners") {
  for (const Primitive* p : catalogue()) {
    if (p->form != Form::Elementwise || !has_float_operands(*p)) continue;
    CAPTURE(p->name);
    const auto listed = corners().find(p->name);
    REQUIRE((listed != corners().end() || is_flat(*p)));
    const std::vector<Corner> table =
        is_flat(*p) ? flat_corners(std::size_t(p->arity)) : listed->second;
    for (const Dtype real : {Dtype::F32, Dtype::F64}) check(*p, real, table);
  }
}

}  // namespace nodec
