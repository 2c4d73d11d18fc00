// What recurrent cells refuse: the whole message, which names the cell, what it takes and what
// came.
#include "compiler/nn/cells.h"

#include "tests/compiler/trace/traced.h"

namespace nodec::nn {
namespace {

using testing::message;

using Fields = std::vector<std::pair<std::string, Type>>;

// What a cell says to a record of these fields; its own line counts as 0.
std::string refusal(const Layer& cell, const Fields& fields, int line) {
  Trace t("refused", "B");
  std::vector<std::pair<std::string, Var>> parts;
  for (const auto& [name, type] : fields) parts.emplace_back(name, t.input(name, type));
  const Var input = record(parts);
  const Params params = t.input("ps", cell.params());
  return message([&] { cell(input, params, record({})); }, line);
}

}  // namespace

TEST_CASE("cells of every kind refuse an input of another width") {
  const int line = __LINE__ + 1;
  const Layer cells[] = {RNNCell(3, 2), GRUCell(3, 2), LSTMCell(3, 2)};
  for (const Layer& cell : cells) {
    const Fields fields{{"x", f32({4, "B"})}, {"h", f32({2, "B"})}, {"c", f32({2, "B"})}};
    CHECK(refusal(cell, fields, line) ==
          "error: " + cell.str() + R"( takes 'x' [3, batch], got f32[4, B]
  --> line +0   this layer
  help: give it a [3, batch])");
  }
  CHECK(cells[0].str() == "RNNCell(3 => 2, tanh)");
  CHECK(cells[1].str() == "GRUCell(3 => 2)");
  CHECK(cells[2].str() == "LSTMCell(3 => 2)");
}

TEST_CASE("cells of every kind refuse a state of another width") {
  const int line = __LINE__ + 1;
  const Layer cells[] = {RNNCell(3, 2), GRUCell(3, 2), LSTMCell(3, 2)};
  for (const Layer& cell : cells) {
    const Fields fields{{"x", f32({3, "B"})}, {"h", f32({5, "B"})}, {"c", f32({2, "B"})}};
    CHECK(refusal(cell, fields, line) ==
          "error: " + cell.str() + R"( takes 'h' [2, batch], got f32[5, B]
  --> line +0   this layer
  help: give it a [2, batch])");
  }
  const Fields memory{{"x", f32({3, "B"})}, {"h", f32({2, "B"})}, {"c", f32({1, "B"})}};
  CHECK(refusal(cells[2], memory, line) ==
        R"(error: LSTMCell(3 => 2) takes 'c' [2, batch], got f32[1, B]
  --> line +0   this layer
  help: give it a [2, batch])");
}

TEST_CASE("cells refuse what is no record of their fields") {
  const int line = __LINE__ + 1;
  const Layer cells[] = {RNNCell(3, 2), GRUCell(3, 2), LSTMCell(3, 2)};
  const std::string help = R"(
  --> line +0   this layer
  help: give it record({{"x", x}, {"h", h}, ...}))";
  for (const Layer& cell : cells) {
    CHECK(refusal(cell, {{"h", f32({2, "B"})}, {"c", f32({2, "B"})}}, line) ==
          "error: " + cell.str() +
              " takes a record with 'x' [3, batch], got {h: f32[2, B], c: f32[2, B]}" + help);
    Trace t("refused", "B");
    const Var x = t.input("x", f32({3, "B"}));
    const Params params = t.input("ps", cell.params());
    const std::string told = message([&] { cell(x, params, record({})); }, line);
    const char* wanted = cell.str() == "GRUCell(3 => 2)" ? "'h' [2, batch]" : "'x' [3, batch]";
    CHECK(told ==
          "error: " + cell.str() + " takes a record with " + wanted + ", got f32[3, B]" + help);
  }
}

}  // namespace nodec::nn
