// Attributes, cloning, copying and replacing in graphs.
#include "ir/graph.h"

#include <limits>

#include "tests/ir/toy.h"

using namespace nodec;

TEST_CASE("attributes are sorted, found and replaced by name") {
  Attrs attrs{{"b", std::int64_t{2}}, {"a", true}};
  CHECK(attrs.items()[0].first == "a");
  CHECK(attrs.get<std::int64_t>("b") == 2);
  attrs.set("b", 2.5).set("c", "text");
  CHECK(attrs.get<double>("b") == 2.5);
  CHECK(attrs.get<std::string>("c") == "text");
  CHECK(attrs.get_or<bool>("z", true));
  CHECK(attrs == Attrs{{"c", "text"}, {"b", 2.5}, {"a", true}});
  attrs.erase("b");
  CHECK_FALSE(attrs.has("b"));
}

TEST_CASE("an attribute that is absent or of another kind is an error, not a crash") {
  const Attrs attrs{{"n", std::int64_t{1}}};
  CHECK(toy::error_of([&] { attrs.get<Shape>("shape"); }) ==
        "error: attribute 'shape' is missing, wanted a shape");
  CHECK(toy::error_of([&] { attrs.get<double>("n"); }) ==
        "error: attribute 'n' is an integer, wanted a real");
  CHECK(toy::error_of([&] { attrs.get_or<bool>("n", false); }) ==
        "error: attribute 'n' is an integer, wanted a bool");
}

TEST_CASE("attributes are equal bit by bit") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(Attrs{{"x", nan}} == Attrs{{"x", nan}});
  CHECK(Attrs{{"x", 0.0}} != Attrs{{"x", -0.0}});
  CHECK(Attrs{{"x", std::vector<double>{0.0}}} != Attrs{{"x", std::vector<double>{-0.0}}});
  CHECK(Attrs{{"x", 1.0}} != Attrs{{"x", std::int64_t{1}}});
}

TEST_CASE("a clone prints alike, owns its own ops, and outlives the original") {
  auto graph = toy::read(R"(graph g batch B (%x: f32[B]) {
    %y = call %x region (%a: f32[B]) {
      %b = add %a, %a : f32[B]
      yield %b
    } : f32[B]
    yield %y as out over %x
  })");
  const std::string text = print(*graph);
  const auto copy = clone(*graph);
  CHECK(copy->body.ops[0].get() != graph->body.ops[0].get());
  graph.reset();
  verify(*copy, "clone");
  CHECK(print(*copy) == text);
  CHECK(copy->aliases == std::vector<int>{0});
  CHECK(op_count(copy->body) == 2);
}

TEST_CASE("copied ops use what the map says and report missing values") {
  const auto graph = toy::read("graph g (%x: f32[]) { %y = add %x, %x yield %y }");
  Region to;
  Value* z = to.add_arg(Type::scalar(Dtype::F32), "z");
  ValueMap map{{graph->body.arg(0), z}};
  const std::vector<Value*> results = copy_ops(graph->body, to, map);
  CHECK(results.at(0)->op->operands == std::vector<Value*>{z, z});
  CHECK(results.at(0)->region == &to);
  ValueMap empty;
  CHECK_THROWS_AS(copy_ops(graph->body, to, empty), std::logic_error);
  CHECK_THROWS_AS(copy_ops(to, to, map), std::logic_error);
}

TEST_CASE("replacing a value's uses reaches operands and the yield") {
  const auto graph = toy::read("graph g (%x: f32[], %w: f32[]) { %y = add %x, %w yield %y, %x }");
  Region& body = graph->body;
  replace_uses(body, body.arg(0), body.arg(1));
  CHECK(body.ops[0]->operands == std::vector<Value*>{body.arg(1), body.arg(1)});
  CHECK(body.results[1] == body.arg(1));
}
