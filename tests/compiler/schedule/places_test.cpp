// A schedule's text says where every buffer lies.
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
