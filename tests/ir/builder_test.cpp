// The builder: ops typed as they are made, errors at the user's line.
#include "ir/builder.h"

#include "tests/ir/toy.h"

using namespace nodec;

namespace {

struct TwoVectors {
  Region region;
  Builder b{region};
  Value* x = region.add_arg(Type::tensor(Dtype::F32, {3}), "x");
  Value* y = region.add_arg(Type::tensor(Dtype::F32, {4}), "y");
};

}  // namespace

TEST_CASE_FIXTURE(TwoVectors, "an op is typed and owned as soon as it is made") {
  b.at({"m.cpp", 7});
  Value* z = b.value(toy::add_p, {x, x});
  CHECK(z->type.str() == "f32[3]");
  CHECK(z->op->parent == &region);
  CHECK(z->op->where.line == 7);
}

TEST_CASE_FIXTURE(TwoVectors,
                  "a type error points at the user's line and leaves the region as it was") {
  b.at({"m.cpp", 7});
  CHECK(toy::error_of([&] {
          b.value(toy::add_p, {x, y});
        }) ==
        "error: 'add' takes operands of one type, got f32[3] and f32[4]\n"
        "  --> m.cpp:7\n"
        "  help: broadcast one of them");
  CHECK(toy::error_of([&] { b.value(toy::add_p, {x}); }) ==
        "error: 'add' takes 2 operands, got 1\n  --> m.cpp:7");
  CHECK(toy::error_of([&] { b.value(toy::twice_p, {}); }) ==
        "error: 'twice' takes 1 operand, got 0\n  --> m.cpp:7");
  CHECK(region.ops.empty());
}

TEST_CASE_FIXTURE(TwoVectors, "no result has a size that no axis can have") {
  const auto fill = [&](Dim size) {
    return toy::error_of([&] {
      b.value(toy::fill_p, {}, {{"shape", Shape{3, size}}, {"value", 1.0}});
    });
  };
  CHECK(fill(-1) == "error: 'fill' gives f64[3, -1], where -1 is negative");
  CHECK(fill(kSizeLimit) ==
        "error: 'fill' gives f64[3, 1099511627776], where 1099511627776 is past 2^40");
  CHECK(
      fill(Dim::symbol("B") * kSizeLimit).starts_with("error: 'fill' gives f64[3, 1099511627776"));
  CHECK(fill(Dim::symbol("B") - 3) == "nothing thrown");
  CHECK(region.ops.size() == 1);
}

TEST_CASE_FIXTURE(TwoVectors, "without a known line the error has no note") {
  CHECK(toy::error_of([&] { b.value(toy::add_p, {x}); }) == "error: 'add' takes 2 operands, got 1");
}

TEST_CASE_FIXTURE(TwoVectors, "an operand of another region is our mistake") {
  Region other;
  Value* far = other.add_arg(x->type, "far");
  CHECK_THROWS_AS(b.value(toy::add_p, {x, far}), std::logic_error);
  CHECK_THROWS_AS(b.value(toy::add_p, {x, nullptr}), std::logic_error);
}

TEST_CASE_FIXTURE(TwoVectors, "inlining a region binds its arguments") {
  const auto graph = toy::read("graph g (%p: f32[3]) { %q = add %p, %p yield %q, %p }");
  const std::vector<Value*> results = b.inline_region(graph->body, std::vector<Value*>{x});
  CHECK(results.size() == 2);
  CHECK(results[1] == x);
  CHECK(region.ops.size() == 1);
  CHECK_THROWS_AS(b.inline_region(graph->body, {}), std::logic_error);
}
