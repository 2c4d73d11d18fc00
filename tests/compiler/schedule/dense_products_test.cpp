// Products without a batch against the chain they stand for: out[m, n] is `start` or 0, then one
// fma after another in increasing k, bit by bit, for sizes around those of tiles, vectors and
// panels.
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "tests/compiler/oracle.h"

namespace nodec::oracle {
namespace {

constexpr std::int64_t kSizes[] = {0, 1, 2, 5, 16, 17, 33, 65, 130};
constexpr std::size_t kCount = std::size(kSizes);

struct Product {
  std::int64_t rows, columns, inner;
  bool ta, tb, start;
  Dtype dtype;
};

std::string text(const Product& p, bool symbolic_rows) {
  const std::string rows = symbolic_rows ? "N" : std::to_string(p.rows);
  const auto shape = [](bool transposed, const auto& a, const auto& b) {
    return transposed ? fmt::format("{}, {}", b, a) : fmt::format("{}, {}", a, b);
  };
  return fmt::format(
      "graph f (%a: {0}[{1}], %b: {0}[{2}], %s: {0}[{3}, {4}]) {{\n"
      "  %p = matmul %a, %b{5} {{ta = {6}, tb = {7}}}\n  yield %p\n}}",
      name(p.dtype), shape(p.ta, rows, p.inner), shape(p.tb, p.inner, p.columns), rows, p.columns,
      p.start ? ", %s" : "", p.ta, p.tb);
}

template <class T>
void expect_chain(const Product& p, const std::vector<Array>& x, const Tensor& got) {
  const auto a = [&](std::int64_t m, std::int64_t k) {
    return T(x[0].reals[std::size_t(p.ta ? k * p.rows + m : m * p.inner + k)]);
  };
  const auto b = [&](std::int64_t k, std::int64_t n) {
    return T(x[1].reals[std::size_t(p.tb ? n * p.inner + k : k * p.columns + n)]);
  };
  std::vector<T> want;
  for (std::int64_t m = 0; m < p.rows; ++m) {
    for (std::int64_t n = 0; n < p.columns; ++n) {
      T sum = p.start ? T(x[2].reals[std::size_t(m * p.columns + n)]) : T(0);
      for (std::int64_t k = 0; k < p.inner; ++k) sum = std::fma(a(m, k), b(k, n), sum);
      want.push_back(sum);
    }
  }
  REQUIRE(got.bytes() == want.size() * sizeof(T));
  CHECK((want.empty() || std::memcmp(got.data(), want.data(), got.bytes()) == 0));
}

void expect_product(const Product& p, const Graph& graph, const Program& program, int threads) {
  INFO(text(p, false), ", threads ", threads);
  const std::vector<Array> inputs = inputs_for(graph, {{"N", p.rows}});
  const std::vector<Tensor> got = run_compiled(program, inputs, threads);
  p.dtype == Dtype::F32 ? expect_chain<float>(p, inputs, got[0])
                        : expect_chain<double>(p, inputs, got[0]);
}

// Every pair of columns and inner sizes; the rest goes around.
std::vector<Product> products() {
  std::vector<Product> all;
  for (std::size_t i = 0; i < kCount; ++i) {
    for (std::size_t j = 0; j < kCount; ++j) {
      for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
        const std::size_t turn = i + 2 * j + (dtype == Dtype::F64 ? 1 : 0);
        all.push_back({kSizes[turn % kCount], kSizes[i], kSizes[j], turn % 2 == 0,
                       turn / 2 % 2 == 0, turn % 3 == 0, dtype});
      }
    }
  }
  return all;
}

struct Lanes {
  explicit Lanes(const char* lanes) { setenv("NODEC_LANES", lanes, 1); }
  ~Lanes() { unsetenv("NODEC_LANES"); }
};

}  // namespace

TEST_CASE("a product of known sizes is a chain of fma for each element, with any lanes" *
          doctest::test_suite("slow")) {
  for (const char* lanes : {"16", "8", "4"}) {
    INFO("lanes ", lanes);
    const Lanes forced(lanes);
    for (const Product& p : products()) {
      const auto graph = read(text(p, false));
      const Program program = compile_fresh(*graph);
      for (const int threads : {1, 3}) expect_product(p, *graph, program, threads);
    }
  }
}

TEST_CASE("a product with as many rows as a call brings is a chain of fma for each element" *
          doctest::test_suite("slow")) {
  for (Product p : products()) {
    p.ta = false;  // a symbol is the first axis
    const auto graph = read(text(p, true));
    const Program program = compile_fresh(*graph);
    for (const std::int64_t rows : kSizes) {
      p.rows = rows;
      expect_product(p, *graph, program, 1 + int(rows % 2));
    }
  }
}

}  // namespace nodec::oracle
