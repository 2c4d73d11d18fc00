// Inference and the findings it leads to.
#include "compiler/infer/infer.h"

#include <doctest/doctest.h>

#include "compiler/infer/stability.h"
#include "ir/builder.h"
#include "kernels/build.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

// A call whose body stores `stored` in the variable st, which starts as x; `body` makes it from the
// box %b and the argument %u.
std::string storing(const std::string& body) {
  return R"(graph g (%x: f32[3]) {
  %st = box.new %x @ "model.cpp:3"
  %a = call %x, %st {name = "chain"} region (%u: f32[3], %b: box<f32[3]>) {
    %c = call %u, %b {name = "layer_2"} region (%u: f32[3], %b: box<f32[3]>) {
)" + body +
         R"(
      yield %old
    }
    yield %c
  }
  %last = box.load %st
  %z = neg %a
  yield %z, %last
})";
}

const std::string steady = R"(      %old = box.load %b
      %new = exp %old
      box.store %b, %new @ "model.cpp:7")";
const std::string doubling = R"(      %old = box.load %b
      %new = cast %old {to = f64}
      box.store %b, %new @ "model.cpp:7")";
const std::string reshaping = R"(      %old = box.load %b
      %new = concat %old, %u {axis = 0}
      box.store %b, %old @ "model.cpp:6"
      box.store %b, %new @ "model.cpp:7")";
const std::string restructuring = R"(      %old = box.load %b
      %new = record %old {names = "scale"}
      box.store %b, %new @ "model.cpp:7")";

std::vector<Finding> findings(const Graph& graph) { return check_stability(graph, infer(graph)); }

TEST_CASE("a captured variable's loads are any, and any spreads; the proof gives one type") {
  const std::unique_ptr<Graph> graph = program(storing(steady));
  const Inference inference = infer(*graph);
  const Value *z = graph->body.results[0], *last = graph->body.results[1];
  const Type vector = Type::tensor(Dtype::F32, {3});
  CHECK(inference.seen.at(z) == Type::any());
  CHECK(inference.seen.at(last) == Type::any());
  CHECK(inference.proven.at(z) == vector);
  CHECK(inference.proven.at(last) == vector);
  REQUIRE(inference.boxes.size() == 1);
  CHECK(inference.boxes[0].content == vector);
  CHECK(inference.boxes[0].captured);
}

TEST_CASE("one proven type is a finding that compiles") {
  const std::unique_ptr<Graph> graph = program(storing(steady));
  const std::vector<Finding> found = findings(*graph);
  REQUIRE(found.size() == 1);
  CHECK(name(found[0].code) == "boxed");
  CHECK(found[0].variable == "st");
  CHECK(found[0].path == "chain/layer_2");
  CHECK(found[0].declared.str() == "model.cpp:3");
  REQUIRE(found[0].writes.size() == 1);
  CHECK(found[0].writes[0].where.str() == "model.cpp:7");
  CHECK(found[0].loads == 2);
  CHECK(found[0].lost.size() == 4);  // %new, %c, %a, %z
  CHECK(found[0].unproven == 0);
  require_stable(found);
}

std::string refusal(const std::string& text) {
  const std::unique_ptr<Graph> graph = program(text);
  try {
    require_stable(findings(*graph));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("a change of dtype is refused with the whole story") {
  CHECK(refusal(storing(doubling)) == R"(error: the program's types are not stable
dtype-change: 'st' in chain/layer_2 starts as f32[3] and becomes f64[3]
  --> model.cpp:3   declared here, f32[3]
  --> model.cpp:7   stored here, f64[3]
  type: - f32[3]
        + f64[3]
  lost: 2 loads and 4 values are any until the proof; with it, still all
        'new'  <text>:6  any
        'c'  <text>:4  any
        'a'  <text>:3  any
        'z'  <text>:13  any
  help: cast what is stored in 'st' to f32[3]

1 finding, of which 1 stops a compile
)");
}

TEST_CASE("each kind of change has its code") {
  const auto code = [](const std::string& body) {
    const std::unique_ptr<Graph> graph = program(storing(body));
    const std::vector<Finding> found = findings(*graph);
    REQUIRE(found.size() == 1);
    return name(found[0].code);
  };
  CHECK(code(doubling) == "dtype-change");
  CHECK(code(reshaping) == "shape-change");
  CHECK(code(restructuring) == "structure-change");
}

TEST_CASE("a declared cell that keeps its type is no finding, nor is a box nobody captures") {
  std::string text = storing(steady);
  for (std::size_t at = text.find("box."); at != std::string::npos; at = text.find("box.")) {
    text.replace(at, 4, "cell.");
  }
  CHECK(findings(*program(text)).empty());
  CHECK(findings(*program(R"(graph g (%x: f32[3]) {
  %st = box.new %x
  box.store %st, %x
  yield %x
})"))
            .empty());
}

TEST_CASE("a box or cell that changes its type is a finding, captured or not") {
  for (const char* kind : {"box", "cell"}) {
    const std::vector<Finding> found = findings(*program(fmt::format(R"(graph g (%x: f32[3]) {{
  %st = {0}.new %x
  %e = cast %x {{to = f64}}
  {0}.store %st, %e
  yield %x
}})",
                                                                     kind)));
    REQUIRE(found.size() == 1);
    CHECK(name(found[0].code) == "dtype-change");
    CHECK(found[0].writes.at(0).where.line == 4);
  }
}

TEST_CASE("a load that takes a box to hold what is never stored in it is refused") {
  const std::unique_ptr<Graph> graph = program(R"(graph g (%x: f32[3]) {
  %st = box.new %x
  %y = box.load %st {as = "f64[3]"} @ "model.cpp:4"
  yield %y
})");
  CHECK_THROWS_WITH_AS(infer(*graph),
                       R"(error: 'box.load' takes 'st' to hold f64[3], which is never stored in it
  --> model.cpp:4
  help: it starts with f32[3])",
                       Error);
}

TEST_CASE("every concluded type of a stable program is the traced one") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const std::unique_ptr<Graph> graph = random_graph(seed);
    const Inference inference = infer(*graph);
    CHECK(check_stability(*graph, inference).empty());
    for (const auto* types : {&inference.seen, &inference.proven}) {
      for (const auto& [value, type] : *types) CHECK(type == value->type);
    }
  }
}

TEST_CASE("a box is no value: it is not stored, not yielded, and passed on once") {
  const auto refusal = [](const std::string& body) {
    const std::unique_ptr<Graph> graph =
        program("graph g (%x: f32[3]) {\n  %st = box.new %x\n" + body + "}");
    try {
      infer(*graph);
    } catch (const Error& error) {
      return error.message() + "; " + error.help();
    }
    return std::string("accepted");
  };
  CHECK(refusal("  yield %st\n") ==
        "the box 'st' leaves the region it is used in; yield what box.load gives");
  CHECK(refusal("  box.store %st, %st\n  yield %x\n") ==
        "the box 'st' is used as data by 'box.store'; use what box.load gives");
  CHECK(refusal("  %r = record %st {names = \"st\"}\n  yield %x\n") ==
        "the box 'st' is used as data by 'record'; use what box.load gives");
  CHECK(refusal("  call %st, %st region (%a: box<f32[3]>, %b: box<f32[3]>) {\n    yield\n  }\n"
                "  yield %x\n") == "the box 'st' enters 'call' twice; pass it once");
}

TEST_CASE("a box that the program does not make is refused") {
  const std::unique_ptr<Graph> graph = program(R"(graph g (%state: box<f32[3]>) {
  %x = box.load %state @ "model.cpp:4"
  yield %x
})");
  CHECK_THROWS_WITH(infer(*graph),
                    "error: 'box.load' uses a box that the program does not make: 'state'\n"
                    "  --> model.cpp:4   used here\n"
                    "  help: make it with box.new, from its first content");
}

TEST_CASE("a carry that leaves with another type is a finding") {
  const std::unique_ptr<Graph> graph = program(R"(graph g (%x: f32[]) {
  %r = while %x {carried = 1} region (%a: f32[]) {
    %go = lt %a, %a
    yield %go
  } region (%a: f32[]) {
    %n = add %a, %a
    yield %n
  } @ "model.cpp:4"
  yield %r
})");
  Region& body = graph->body.ops[0]->region(1);
  Builder b(body);
  b.at({"model.cpp", 5});
  body.results[0] = cast(b, body.results[0], Dtype::F64);
  const std::vector<Finding> found = findings(*graph);
  REQUIRE(found.size() == 1);
  CHECK(name(found[0].code) == "carry-change");
  CHECK(found[0].variable == "r");
  CHECK(found[0].before.str() == "f32[]");
  CHECK(found[0].after.str() == "f64[]");
  CHECK(found[0].path == "while");
  CHECK_THROWS_WITH_AS(require_stable(found),
                       doctest::Contains("'r' in while enters as f32[] and leaves as f64[]"),
                       Error);
  CHECK(infer(*graph).proven.at(graph->body.results[0]) == Type::any());
}

}  // namespace
}  // namespace nodec
