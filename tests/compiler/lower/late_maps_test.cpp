// Values that one later map reads are made there, unless something they are made of is gone by then
// or lies in a tape's frame.
#include "compiler/lower/late_maps.h"

#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec::plan {
namespace {

using testing::contains;

constexpr int kOperand = 0, kMade = 1, kResult = 2, kAside = 3;

// to = -from, nine elements.
Kernel negative(const Op& op, int from, int to) {
  const auto ref = [](int id) { return Ref{id, -1, {1}, 0}; };
  return Map{{9}, {{&op, {ref(from)}, ref(to)}}};
}

struct Late {
  Buffer::Space from = Buffer::Space::Lanes;
  bool overwritten = false, read_twice = false, kept = false;
};

// Computations of each map once the pass has seen made = -from, result = -made.
std::vector<std::size_t> computed(const Late& values) {
  const auto graph =
      oracle::read("graph g batch B (%x: f32[9, B]) {\n  %y = neg %x\n  yield %y\n}");
  const Op& op = *graph->body.ops.at(0);
  Plan plan;
  plan.buffers.resize(4);
  for (Buffer& b : plan.buffers) b.elements = 9;
  plan.buffer(kOperand).space = values.from;
  Tiles tiles;
  tiles.kernels.push_back(negative(op, kOperand, kMade));
  if (values.overwritten) tiles.kernels.push_back(negative(op, kAside, kOperand));
  if (values.read_twice) tiles.kernels.push_back(negative(op, kMade, kAside));
  tiles.kernels.push_back(negative(op, kMade, kResult));
  plan.body.push_back({std::move(tiles)});
  lowering::make_values_late(plan, values.kept ? std::set<int>{kMade} : std::set<int>{});
  std::vector<std::size_t> sizes;
  for (const Kernel& kernel : std::get<Tiles>(plan.body[0].what).kernels) {
    sizes.push_back(std::get<Map>(kernel).computes.size());
  }
  return sizes;
}

using Sizes = std::vector<std::size_t>;

TEST_CASE("a value that one later map reads is made in it") {
  const auto graph = oracle::read(R"(graph g batch B (%x: f32[9, B], %w: f32[9, 9]) {
  %a = exp %x
  %e = sin %x
  %b = matmul %w, %x {ta = false, tb = false}
  %c = div %a, %b
  %f = div %e, %b
  %g = max %c, %f
  %d = matmul %w, %g {ta = false, tb = false}
  %i = div %e, %d
  %j = matmul %w, %i {ta = false, tb = false}
  yield %j
})");
  const std::string plan = dump(*graph, "lower");
  CHECK(contains(plan, "r0 = exp x#3(tile)\n        r1 = div r0, b#6(tile)\n"));
  CHECK(contains(plan, "r0 = sin x#3(tile) -> e#5(tile)\n"));
  CHECK(computed({}) == Sizes{2});
}

TEST_CASE("a value is made where it stands if its operand is gone or far away later") {
  CHECK(computed({.overwritten = true}) == Sizes{1, 1, 1});
  CHECK(computed({.read_twice = true}) == Sizes{1, 1, 1});
  CHECK(computed({.kept = true}) == Sizes{1, 1});
  CHECK(computed({.from = Buffer::Space::Frame}) == Sizes{1, 1});
}

}  // namespace
}  // namespace nodec::plan
