// Placements: in the text, through arithmetic, and where nothing but the host runs.
#include <doctest/doctest.h>

#include "ir/interpret.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

constexpr const char* kMoved = R"(graph g (%x: f32[3], %s: f32[]) {
  %d = to_device %x {device = 1} : f32[3] on 1
  %y = add %d, %d : f32[3] on 1
  %b = broadcast %s {dims = [], shape = <3>} : f32[3]
  %home = to_device %y {device = -1} : f32[3]
  %z = add %home, %b : f32[3]
  yield %z
}
)";

TEST_CASE("a placement is written behind its type, and follows values") {
  const std::unique_ptr<Graph> graph = parse(kMoved, find_primitive);
  verify(*graph, "parse");
  CHECK(print(*graph) == kMoved);
  CHECK(graph->body.ops[1]->result()->type.device() == 1);
  CHECK(graph->body.ops[3]->result()->type.device() == kHost);
}

TEST_CASE("types of two places join to an unknown one, and compare equal without it") {
  const Type host = Type::tensor(Dtype::F32, {Dim(3)}), device = host.on(2);
  CHECK(host == device);
  CHECK(!identical(host, device));
  CHECK(join(host, device).str() == "f32[3] on ?");
  CHECK(identical(join(join(host, device), device), join(host, device)));
}

TEST_CASE("operands in two places are refused, and so is a run without the device") {
  const char* mixed = R"(graph g (%x: f32[3]) {
  %d = to_device %x {device = 0} : f32[3] on 0
  %y = add %d, %x
  yield %y
})";
  CHECK_THROWS_WITH_AS(parse(mixed, find_primitive),
                       doctest::Contains("'add' takes operands on device 0 and on the host"),
                       Error);
  const std::unique_ptr<Graph> graph = parse(kMoved, find_primitive);
  const std::vector<Array> inputs{Array::of({3}, {1, 2, 3}, Dtype::F32),
                                  Array::scalar(Dtype::F32, 1)};
  CHECK_THROWS_WITH_AS(interpret(*graph, inputs),
                       doctest::Contains("this program wants device 1, and runs on the host"),
                       Error);
}

TEST_CASE("a device that cannot be is refused, in types and in to_device alike") {
  CHECK_THROWS_WITH_AS(parse("graph g (%x: f32[3] on 128) {\n  yield %x\n}", find_primitive),
                       doctest::Contains("devices go from 0 to 127, got 128"), Error);
  CHECK_THROWS_WITH_AS(
      parse("graph g (%x: f32[3]) {\n  %d = to_device %x {device = 128}\n  yield %d\n}",
            find_primitive),
      doctest::Contains("'to_device' knows no device 128"), Error);
}

}  // namespace
}  // namespace nodec
