// What the parser says to wrong text, and that it answers hostile text at all.
#include "ir/parse.h"

#include "ir/print.h"
#include "tests/ir/toy.h"

using namespace nodec;

namespace {

std::string error_in(std::string_view text) {
  return toy::error_of([&] { toy::read(text); });
}

// The message alone, for text on one line.
std::string message(std::string_view body) {
  const std::string text = "graph g (%x: f32[3]) {" + std::string(body) + "}";
  const std::string error = error_in(text);
  return error.substr(0, error.find('\n'));
}

// Reads `text`, which must end in a graph or in an Error.
void survives(std::string_view text) {
  try {
    const auto graph = toy::read(text);
    CHECK(graph != nullptr);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("error: "));
    CHECK_FALSE(error.notes().empty());
  }
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

constexpr std::string_view kSample =
    R"(graph g batch B (%w: f32[20, 784], %r: {a: f32[3], b: (i32[], any)}) {
  %y, %2 = call %w, %r {k = [1, 2], s = "a\x41\n", v = [1.5, -inf], d = <20*B + 1, ?>} region (%a: f32[20, 784], %b: {a: f32[3], b: (i32[], any)}) {
    %c = add %a, %a : f32[20, 784] @ "m.cpp:3"
    yield %c, %b
  } : f32[20, 784], {a: f32[3], b: (i32[], any)}
  yield %y as out over %w, %2
}
)";

}  // namespace

TEST_CASE("an error shows the line, the column, what was wanted and what stood there") {
  CHECK(error_in("graph g (%x: f32[3]) {\n  %y = add %x, x\n  yield %y\n}") ==
        "error: wanted a value, got 'x' (column 16)\n"
        "  --> t.ir:2   %y = add %x, x\n"
        "  help: compare with text that is right: `nodec dump MODEL --after trace` prints it");
}

TEST_CASE("text may begin with a mark of its encoding, which takes no column") {
  CHECK(error_in("\xef\xbb\xbfgraph g (%x: f32[3]) {\n  yield %x\n}") == error_in(kSample));
  CHECK(error_in("\xef\xbb\xbfgraf g") ==
        "error: wanted 'graph', got 'graf' (column 1)\n"
        "  --> t.ir:1   graf g\n"
        "  help: give IR text, as `nodec dump MODEL --after trace` prints it");
}

TEST_CASE("a type rule's error points into the text") {
  CHECK(error_in("graph g (%x: f32[3], %w: f32[4]) {\n  %y = add %x, %w\n  yield %y\n}") ==
        "error: 'add' takes operands of one type, got f32[3] and f32[4]\n"
        "  --> t.ir:2   %y = add %x, %w (column 3)\n"
        "  help: broadcast one of them");
  CHECK(message("call %x yield") ==
        "error: 'call' has not the operands, attributes and regions it takes");
  CHECK(message("%f = fill yield") == "error: attribute 'shape' is missing, wanted a shape");
}

TEST_CASE("a name defined twice shows both lines") {
  CHECK(error_in("graph g (%x: f32[3]) {\n  %x = twice %x\n  yield\n}") ==
        "error: '%x' is defined twice in one region\n"
        "  --> t.ir:2   %x = twice %x (column 3)\n"
        "  --> t.ir:1   graph g (%x: f32[3]) { (column 10)\n"
        "  help: rename one of them");
}

TEST_CASE("each mistake has its own message") {
  CHECK(message("yield %y") ==
        "error: '%y' is not defined before this line in this region, which sees its own values "
        "only (column 29)");
  CHECK(message("%y = nothing %x yield") == "error: there is no primitive 'nothing' (column 28)");
  CHECK(message("%y = twice %x : f32[4] yield") ==
        "error: 'twice' gives f32[3], the text states f32[4] (column 39)");
  CHECK(message("%y = twice %x : f32[3], i32[] yield") ==
        "error: 'twice' has 1 results, the text states 2 types (column 23)");
  CHECK(message("%y, %z = twice %x yield") ==
        "error: 'twice' has 1 results, the text names 2 (column 23)");
  CHECK(message("%y = blob.any {a = 1, a = 2} yield") ==
        "error: attribute 'a' is given twice (column 45)");
  CHECK(message("%y = blob.any {a = [1, 2.0]} yield") ==
        "error: a list holds integers or reals, not both (2.0 is a real) (column 46)");
  CHECK(message("%y = blob.any {a = 9223372036854775808} yield") ==
        "error: wanted an integer of 64 bits, got '9223372036854775808' (column 42)");
  CHECK(message("%y = blob.any {a = 1e999} yield") ==
        "error: wanted a real number that a double holds, got '1e999' (column 42)");
  CHECK(message("%y = blob.any {a = } yield") ==
        "error: wanted an attribute's value, got '}' (column 42)");
  CHECK(message("%y = blob.any {a = \"x} yield") ==
        "error: a string has no closing quote (column 42)");
  CHECK(message("%y = twice %x @ \"nowhere\" yield") ==
        "error: wanted \"file:line\", got the string \"nowhere\" (column 39)");
  CHECK(message("%y = twice %x yield %y over %y") ==
        "error: a result is written over an argument only (column 51)");
  CHECK(message("yield %x as o, %x as o") == "error: two results are named 'o' (column 44)");
  CHECK(message("%y = twice %x @ 3 yield") ==
        "error: wanted \"file:line\" or none, got '3' (column 39)");
  CHECK(error_in("graph g (%x: f16[3]) { yield }")
            .starts_with("error: wanted a type, got 'f16' (column 14)\n"
                         "  --> t.ir:1   graph g (%x: f16[3]) { yield }"));
  CHECK(error_in("graph g (%x: f32[-3]) { yield }").starts_with("error: a size is negative"));
  CHECK(error_in("").starts_with("error: wanted 'graph', got the end of the text"));
}

TEST_CASE("a mistyped name is told by its nearest") {
  const std::vector<const Primitive*> known = {&toy::call_p, &toy::twice_p, &toy::add_p};
  const auto help = [&](const std::string& op) {
    try {
      parse("graph g (%size: f32[3]) {" + op + " yield}", toy::lookup, "t.ir", known);
    } catch (const Error& error) {
      return error.help();
    }
    return std::string();
  };
  CHECK(help("%y = twcie %size") == "did you mean 'twice'?");
  CHECK(help("%y = twice %sise") == "did you mean '%size'?");
  CHECK(help("%y = twice %0") == "pass it in as an operand of the op that holds the region");
}

TEST_CASE("operands start on the primitive's line") {
  const auto graph =
      toy::read("graph g (%x: f32[]) {\n%a = blob.any\n%b = blob.any %x\nyield %b\n}");
  CHECK(graph->body.ops[0]->operands.empty());
  CHECK(graph->body.ops[1]->operands.size() == 1);
}

TEST_CASE("limits hold: nesting, sizes, ranks and the growth of types") {
  const std::string deep_type = repeated("box<", 70) + "f32[]" + repeated(">", 70);
  CHECK(error_in("graph g (%x: " + deep_type + ") { yield }")
            .starts_with("error: types nest more than 64 deep"));
  const std::string deep_region = repeated("call region () {", 70) + repeated("yield }", 70);
  CHECK(error_in("graph g () {" + deep_region + " yield }")
            .starts_with("error: regions nest more than 64 deep"));
  CHECK(error_in("graph g (%x: f32[1099511627776]) { yield }")
            .starts_with("error: wanted a size below 2^40, got '1099511627776'"));
  CHECK(error_in("graph g (%x: f32[B*1099511627775*1099511627775]) { yield }")
            .starts_with("error: a size is past 2^63"));
  CHECK(error_in("graph g (%x: f32[1099511627775 + 1]) { yield }")
            .starts_with("error: a size is past 2^40"));
  CHECK(error_in("graph g (%x: f32[1" + repeated(", 1", 20) + "]) { yield }")
            .starts_with("error: a shape has more than 16 axes"));
  CHECK(error_in("graph g (%x: f32[B" + repeated("*B", 100) + "]) { yield }")
            .starts_with("error: a size has too high a degree"));
  std::string doubling = "graph g (%t0: f32[]) {\n";
  for (int i = 0; i < 40; ++i) doubling += fmt::format("%t{} = tuple %t{}, %t{}\n", i + 1, i, i);
  CHECK(
      error_in(doubling + "yield }").starts_with("error: the types of this graph grow too large"));
}

TEST_CASE("text cut anywhere, or with any byte changed, is answered") {
  REQUIRE(toy::read(kSample));
  for (std::size_t i = 0; i < kSample.size(); ++i) survives(kSample.substr(0, i));
  std::mt19937 random(4);
  for (int trial = 0; trial < 5000; ++trial) {
    std::string text(kSample);
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0) {
        text.erase(at, random() % 9);
      } else if (random() % 2) {
        text[at] = char(random());
      } else {
        text.insert(at, text.substr(random() % text.size(), random() % 30));
      }
    }
    survives(text);
  }
}

TEST_CASE("values of one name are told apart by number, and keep the name") {
  const std::string text =
      "graph g (%x: f32[], %x#1: f32[], %\"a b\"#2: f32[]) {\n  yield %x#1\n}\n";
  const auto graph = toy::read(text);
  CHECK(graph->body.arg(1)->name == "x");
  CHECK(graph->body.arg(2)->name == "a b");
  CHECK(graph->body.results[0] == graph->body.arg(1));
  CHECK(print(*graph).find("%x#1: f32[], %\"a b\": f32[]") != std::string::npos);
  CHECK(error_in("graph g (%x#1: f32[], %x#1: f32[]) { yield }").find("'%x#1' is defined twice") !=
        std::string::npos);
  CHECK(error_in("graph g (%x#99999999999: f32[]) { yield }").find("goes up to") !=
        std::string::npos);
}

TEST_CASE("random bytes and random tokens are answered") {
  std::mt19937 random(5);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) byte = char(random());
    survives(bytes);
    survives("graph g (%x: f32[" + bytes);
  }
  const char* words[] = {"graph", "g",     "(", ")",   "{",  "}",    "%x",   "%0",     ":",
                         "f32",   "[",     "]", ",",   "=",  "add",  "call", "region", "yield",
                         "<",     ">",     "1", "2.5", "-",  "B",    "*",    "?",      "box",
                         "tape",  "\"s\"", "@", "\n",  "as", "over", "nan",  "any"};
  for (int trial = 0; trial < 5000; ++trial) {
    std::string text = random() % 2 ? "graph g (%x: f32[3]) {" : "";
    for (unsigned i = random() % 60; i > 0; --i) text += std::string(words[random() % 35]) + " ";
    survives(text);
  }
}
