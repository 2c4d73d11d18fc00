// Which arrays threads take back before an update: those that all have read, and no others.
#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;

// A weight that each sample is multiplied by, its momentum that only the update reads.
std::string step(const char* update) {
  return fmt::format(R"(graph g batch B (%w: f32[60, 70], %m: f32[60, 70], %x: f32[70, B]) {{
  %y = matmul %w, %x {{ta = false, tb = false}}
  %g = matmul %y, %x {{ta = false, tb = true}}
  {}
  %next = sub %w, %momentum
  yield %next as w over %w, %momentum as m over %m
}})",
                     update);
}

constexpr const char* kMomentum = "%momentum = add %m, %g";

std::string scheduled(const std::string& text, const char* device = "cpu") {
  return dump(*oracle::read(text), "schedule", device);
}

}  // namespace

TEST_CASE("a parameter that all threads have read is claimed while its gradient is summed") {
  const std::string text = scheduled(step(kMomentum));
  CHECK(contains(text, "large contract"));
  CHECK(contains(text, "; claiming w#"));
  CHECK(!contains(text, "claiming m#"));
  oracle::expect_agreement(*oracle::read(step(kMomentum)), 2e-5, {1, 37, 128});
}

TEST_CASE("what stands between the two may be anything that leaves the parameter alone") {
  const std::string clipped = step(R"(%square = mul %g, %g
  %norm = sum %square {axes = [0, 1]}
  %wide = broadcast %norm {dims = [], shape = <60, 70>}
  %scaled = div %g, %wide
  %momentum = add %m, %scaled)");
  CHECK(contains(scheduled(clipped), "; claiming w#"));
  oracle::expect_agreement(*oracle::read(clipped), 1e-4, {1, 37});
  const std::string decayed = step(R"(%square = mul %w, %w
  %norm = sum %square {axes = [0, 1]}
  %wide = broadcast %norm {dims = [], shape = <60, 70>}
  %scaled = div %g, %wide
  %momentum = add %m, %scaled)");
  CHECK(contains(scheduled(decayed), "large contract"));
  oracle::expect_agreement(*oracle::read(decayed), 1e-4, {1, 37});
}

TEST_CASE("no array is claimed that the contraction reads") {
  // The rows of the table are those of the weight.
  const std::string rows = R"(graph g batch B (%w: f32[70, 70], %i: i32[B], %x: f32[70, B]) {
  %h = gather %w, %i
  %g = matmul %x, %h {ta = false, tb = false}
  %next = sub %w, %g
  yield %next as w over %w
})";
  CHECK(contains(scheduled(rows), "large contract"));
  CHECK(!contains(scheduled(rows), "claiming"));
  oracle::expect_agreement(*oracle::read(rows), 2e-5, {1, 37});
}

TEST_CASE("a GPU claims nothing") {
  CHECK(!contains(scheduled(step(kMomentum), "cuda:sm_90"), "claiming"));
}

}  // namespace nodec
