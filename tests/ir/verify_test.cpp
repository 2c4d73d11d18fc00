// Each invariant is broken by hand once; the verifier must see it.
#include "ir/verify.h"

#include "tests/ir/toy.h"

using namespace nodec;

namespace {

struct Broken {
  std::unique_ptr<Graph> graph = toy::read(R"(graph g (%x: f32[3], %z: f32[4]) {
    %y = twice %x
    %c = call %y region (%a: f32[3]) { %b = twice %a yield %b }
    yield %c as out over %x
  })");
  Region& body = graph->body;
  Op& twice = *body.ops[0];
  Op& call = *body.ops[1];

  std::string verdict() const {
    try {
      verify(*graph, "test");
    } catch (const std::logic_error& error) {
      return error.what();
    }
    return "sound";
  }
  bool finds(std::string_view words) const { return verdict().find(words) != std::string::npos; }
};

}  // namespace

TEST_CASE_FIXTURE(Broken, "a graph as it was parsed is sound") { CHECK(verdict() == "sound"); }

TEST_CASE_FIXTURE(Broken, "the failure names the stage and shows the op") {
  twice.result()->type = Type::scalar(Dtype::I32);
  CHECK(finds(
      "after test: result 0 is i32[] but its type rule gives f32[3]:\n%y = twice %x : i32[]"));
}

TEST_CASE_FIXTURE(Broken, "a use before the definition is found") {
  std::swap(body.ops[0], body.ops[1]);
  CHECK(finds("an operand is not defined before its use"));
}

TEST_CASE_FIXTURE(Broken, "a value of another region is found") {
  call.region().ops[0]->operands[0] = body.arg(0);
  CHECK(finds("an operand is not defined before its use"));
}

TEST_CASE_FIXTURE(Broken, "a yield of another region's value is found") {
  body.results[0] = call.region().arg(0);
  CHECK(finds("a yielded value is not of its region"));
}

TEST_CASE_FIXTURE(Broken, "a wrong operand count is found") {
  twice.operands.push_back(body.arg(0));
  CHECK(finds("'twice' takes 1 operands"));
}

TEST_CASE_FIXTURE(Broken, "wrong owner pointers are found") {
  SUBCASE("of an op") { twice.parent = &call.region(); }
  SUBCASE("of a nested region") { call.region().parent = &twice; }
  SUBCASE("of a result") { twice.result()->op = &call; }
  SUBCASE("of an argument's place") { body.arg(0)->index = 1; }
  SUBCASE("of an argument's region") { body.arg(0)->region = &call.region(); }
  CHECK(verdict() != "sound");
}

TEST_CASE_FIXTURE(Broken, "wrong outputs are found") {
  SUBCASE("too many names") { graph->result_names.push_back("more"); }
  SUBCASE("too many aliases") { graph->aliases.push_back(-1); }
  SUBCASE("an alias of no argument") { graph->aliases[0] = 2; }
  SUBCASE("an alias of another type") { graph->aliases[0] = 1; }
  SUBCASE("two results over one argument") {
    body.results.push_back(body.results[0]);
    graph->result_names.push_back("");
    graph->aliases.push_back(0);
  }
  CHECK(verdict() != "sound");
}
