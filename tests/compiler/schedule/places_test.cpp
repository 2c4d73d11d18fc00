// A schedule's text says where every buffer lies.
#include <cmath>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;

std::string scheduled(const char* text, const char* device) {
  return dump(*oracle::read(text), "schedule", device);
}

constexpr const char* kProducts = R"(graph g batch B (%x: f32[3, B], %w: f32[3, 3]) {
  %y = matmul %w, %x {ta = false, tb = false}
  %e = exp %y
  %s = sum %e {axes = [1]}
  %m = matmul %w, %e {ta = false, tb = false}
  yield %s, %m
})";

}  // namespace

TEST_CASE("a processor's schedule has tiles on the stack, and what is summed in scratch") {
  const std::string text = scheduled(kProducts, "cpu");
  CHECK(contains(text, "\n  stack: x#4 in 0, y#5 in 1, e#6 in 2\n"));
  CHECK(contains(text, "\n  scratch 0 sum slots: 192*chunks bytes; each chunk's: sum slots#7\n"));
  CHECK(contains(text, "\n  scratch 1 arena: 192*blocks bytes; each block's: m#8 at 0\n"));
}

TEST_CASE("values of a tile share rooms of the stack where their lives do not overlap") {
  // The map's result lies where its operand ends; d begins where x has ended, beside b.
  CHECK(contains(scheduled(R"(graph g batch B (%x: f32[9, B], %w: f32[9, 9]) {
  %a = matmul %w, %x {ta = false, tb = false}
  %b = exp %a
  %c = matmul %w, %b {ta = false, tb = false}
  %d = add %b, %c
  %e = matmul %w, %d {ta = false, tb = false}
  yield %e
})",
                           "cpu"),
                 "\n  stack: x#3 in 0, a#4 in 1, b#5 in 1, d#6 in 0\n"));
}

// Half of the narrow one has the bytes of the wide one, whose elements lie elsewhere.
TEST_CASE("a map's result lies where its operand ends only if their elements do") {
  const auto graph = oracle::read(R"(graph g batch B (%x: f32[18, B], %v: f64[9, 9]) {
  %s = slice %x {axis = 0, start = 0, size = <9>}
  %c = cast %s {to = f64}
  %o = matmul %v, %c {ta = false, tb = false}
  yield %o
})");
  CHECK(contains(dump(*graph, "schedule", "cpu"), "\n  stack: x#3 in 0, c#4 in 1\n"));
  std::vector<double> x(18 * 16), v(81);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = double(float(std::sin(double(i))));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = std::cos(double(i));
  const std::vector<Array> inputs{Array::of({18, 16}, x, Dtype::F32),
                                  Array::of({9, 9}, v, Dtype::F64)};
  const auto got = oracle::run_compiled(oracle::compile_fresh(*graph), inputs);
  const Array want = interpret(*graph, inputs).at(0);
  for (std::int64_t i = 0; i < 9 * 16; ++i) {
    CHECK(std::abs(oracle::value_at(got[0], std::size_t(i)) - want.real(i)) < 1e-12);
  }
}

TEST_CASE("a GPU's schedule counts the bytes that a member shares") {
  const std::string text = scheduled(kProducts, "cuda:sm_90");
  CHECK(contains(text, "\n  shared memory: "));
  CHECK(contains(text, " at 0"));
  // A chunk's sums, behind its two blocks' values.
  CHECK(contains(text, "\n  each chunk's arena: sum slots#7 at 384, m#8 at 0\n"));
  CHECK(contains(text, ", of a chunk's arena: 576, "));
  CHECK(!contains(text, "\n  scratch "));
  CHECK(contains(text, "out of shared arenas: sum slots#7(slots)\n  meet: "));
}

}  // namespace nodec
