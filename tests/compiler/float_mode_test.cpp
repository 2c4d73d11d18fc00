// What a program is does not depend on the floating-point mode of the thread that makes it, nor on
// the locale.
#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>

#include "compiler/nodec.h"
#include "ir/print.h"
#include "tests/comma_locale.h"
#include "tests/compiler/oracle.h"
#include "tests/strange_mode.h"

namespace nodec {
namespace {

using testing::StrangeMode;

// Folded constants that round, and one that is subnormal.
Traced folding() {
  return trace("folding", {{"x", f64()}, {"y", f32()}}, [](const Var& x, const Var& y) {
    const Var third = constant(1.0, Dtype::F64) / constant(3.0, Dtype::F64);
    const Var tiny = constant(std::numeric_limits<double>::min(), Dtype::F64) * 0.25;
    return std::tuple{x * third + tiny * 4.0,
                      y * 0.1 + cast<float>(exp(constant(0.1, Dtype::F64)))};
  });
}

const std::string kNumbers = R"(graph numbers () {
  %0 = constant {dtype = f64, shape = <>, value = 0.1} : f64[]
  %1 = constant {dtype = f64, shape = <>, value = 123456789.12345679} : f64[]
  %2 = constant {dtype = f64, shape = <>, value = 2.225073858507201e-308} : f64[]
  %3 = constant {dtype = f64, shape = <>, value = 5e-324} : f64[]
  %4 = constant {dtype = f64, shape = <2>, values = [1e+23, 8.41e+21]} : f64[2]
  %5 = constant {dtype = f32, shape = <>, value = 0.30000001192092896} : f32[]
  yield %0, %1, %2, %3, %4, %5
}
)";

std::vector<Array> inputs() { return {Array::scalar(Dtype::F64, 0), Array::scalar(Dtype::F32, 1)}; }

}  // namespace

TEST_CASE("a program's texts have points in any locale") {
  const auto texts = [] {
    const Traced traced = folding();
    return print(*traced.graph) + dump(*traced.graph, "codegen", "cuda-emulated") +
           print(*oracle::read(kNumbers));
  };
  const std::string wanted = texts();
  CHECK(wanted.find("0x1.") != wanted.npos);
  const testing::CommaLocale comma;
  if (comma.holds()) CHECK(texts() == wanted);
}

TEST_CASE("tracing, folding and compiling in another mode make the same program") {
  const Traced plain = folding();
  const std::string expanded = dump(*plain.graph, "expand");
  const auto want = oracle::run_compiled(oracle::compile_fresh(*plain.graph), inputs());
  std::string text, strange_expanded, parsed;
  std::vector<Tensor> got;
  std::vector<Array> interpreted;
  bool kept = false;
  {
    const StrangeMode mode;
    const Traced strange = folding();
    text = print(*strange.graph);
    parsed = print(*oracle::read(kNumbers));
    strange_expanded = dump(*strange.graph, "expand");
    const Program program = oracle::compile_fresh(*strange.graph);
    got = oracle::run_compiled(program, inputs());
    interpreted = interpret(*strange.graph, inputs());
    kept = StrangeMode::holds();
  }
  CHECK(kept);
  CHECK(text == print(*plain.graph));
  CHECK(parsed == kNumbers);
  CHECK(strange_expanded == expanded);
  for (std::size_t i = 0; i < want.size(); ++i) {
    CHECK(oracle::value_at(got[i], 0) == oracle::value_at(want[i], 0));
  }
  CHECK(interpreted[0].real() == interpret(*plain.graph, inputs())[0].real());
  CHECK(oracle::value_at(want[0], 0) == std::numeric_limits<double>::min());
}

#if defined(__GLIBC__) && defined(__x86_64__)
TEST_CASE("a host that traps on floating-point exceptions sees none") {
  const auto traced = [] {
    return trace("trapped", {{"x", f32()}}, [](const Var& x) {
      const Var tiny = constant(1e-42) * 0.25, huge = constant(3e38) * 10.0;
      const auto decay = [&](const Var& u) { return -u * u; };
      return std::tuple{x / 0.0, log(x) + tiny, huge - huge, solve(decay, x + 1.0, 0, 1).u};
    });
  };
  const auto want = oracle::run_compiled(oracle::compile_fresh(*traced().graph), {inputs()[1]});
  const auto reference = interpret(*traced().graph, std::vector{inputs()[1]});
  std::fenv_t before;
  std::fegetenv(&before);
  std::feclearexcept(FE_ALL_EXCEPT);
  feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW);
  const Traced mine = traced();
  const std::string text = print(*oracle::read(print(*mine.graph)));
  const auto got = oracle::run_compiled(oracle::compile_fresh(*mine.graph), {inputs()[1]}, 2);
  const auto interpreted = interpret(*mine.graph, std::vector{inputs()[1]});
  const int kept = fegetexcept();
  std::fesetenv(&before);
  CHECK(kept == (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW));
  CHECK(text == print(*mine.graph));
  for (std::size_t i = 0; i < want.size(); ++i) {
    CHECK(std::memcmp(got[i].data(), want[i].data(), got[i].bytes()) == 0);
    CHECK((interpreted[i].real() == reference[i].real() || std::isnan(reference[i].real())));
  }
}
#endif

}  // namespace nodec
