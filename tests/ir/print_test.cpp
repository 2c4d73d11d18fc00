// Printing and parsing are inverse: golden text for the look of it, random graphs for the rest.
#include "ir/print.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "tests/ir/toy.h"

using namespace nodec;

namespace {

class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : random_(seed) {}

  std::unique_ptr<Graph> make() {
    auto graph = std::make_unique<Graph>();
    graph->name = name();
    if (below(2)) graph->batch = "B";
    fill(graph->body, 0);
    for (std::size_t i = 0; i < graph->body.results.size(); ++i) {
      std::string own = below(2) ? name() : "";
      if (std::ranges::count(graph->result_names, own) > 0) own = "";  // two of one name are none
      graph->result_names.push_back(own);
      graph->aliases.push_back(-1);
    }
    return graph;
  }

 private:
  unsigned below(unsigned end) { return random_() % end; }

  std::string name() {
    const char* names[] = {"x", "x", "x_1", "ps.layers.1.w",    "..",   "a.",
                           "0", "",  "a b", "\"\\\n\t\x01\xff", "yield"};
    return names[below(11)];
  }

  Dim dim() {
    Dim dims[] = {Dim::symbol("B"),         Dim(std::int64_t(below(5))),
                  Dim::symbol("N") * 3 + 1, Dim::symbol("B") * Dim::symbol("N"),
                  Dim::unknown(),           Dim::symbol("B") - Dim::symbol("N") * 2};
    return dims[below(6)];
  }

  Shape shape() {
    Shape dims;
    while (dims.size() < 6 && below(3)) dims.push_back(dim());
    return dims;
  }

  std::vector<Type> types(int depth) {
    std::vector<Type> all;
    while (below(2)) all.push_back(type(depth));
    return all;
  }

  Type type(int depth = 3) {
    switch (depth ? below(9) : 0) {
      case 1:
        return Type::any();
      case 2:
        return Type::never();
      case 3:
        return Type::tuple(types(depth - 1));
      case 4:
        return Type::record({{"a.b", type(depth - 1)}, {"c d", type(depth - 1)}});
      case 5:
        return Type::box(type(depth - 1));
      case 6:
        return Type::tape(types(depth - 1));
      default:
        return Type::tensor(Dtype(below(7)), shape());
    }
  }

  double real() {
    const double reals[] = {0.0,
                            -0.0,
                            1.0,
                            0.1,
                            -1e300,
                            5e-324,
                            2.0 / 3,
                            1e22,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity()};
    // Any bits at all, NaNs with payloads among them.
    const auto bits = std::uint64_t(random_()) << 32 | random_();
    const unsigned i = below(20);
    return i < 10 ? reals[i] : i == 10 ? nan_ : std::bit_cast<double>(bits);
  }

  std::int64_t integer() {
    const std::int64_t integers[] = {0, -1, INT64_MIN, INT64_MAX, 12};
    return integers[below(5)];
  }

  Attr attr() {
    switch (below(8)) {
      case 0:
        return bool(below(2));
      case 1:
        return integer();
      case 2:
        return real();
      case 3:
        return name();
      case 4:
        return Dtype(below(7));
      case 5: {
        std::vector<std::int64_t> all;
        while (below(3)) all.push_back(integer());
        return all;
      }
      case 6: {
        std::vector<double> all;
        while (below(3)) all.push_back(real());
        return all;
      }
      default:
        return shape();
    }
  }

  Value* any_of(Region& region) {
    std::vector<Value*> values;
    for (const auto& arg : region.args) values.push_back(arg.get());
    for (const auto& op : region.ops) {
      for (const auto& result : op->results) values.push_back(result.get());
    }
    return values[below(unsigned(values.size()))];
  }

  void op(Region& region, int depth) {
    Builder b(region);
    if (below(2)) b.at({below(2) ? "model.cpp" : "odd \"name\":3", int(below(1000)) + 1});
    if (depth < 3 && below(4) == 0) {
      std::vector<std::unique_ptr<Region>> regions;
      regions.push_back(std::make_unique<Region>());
      fill(*regions[0], depth + 1);
      std::vector<Value*> operands;
      for (const auto& arg : regions[0]->args) operands.push_back(any_of(region)), (void)arg;
      named(b.op(toy::call_p, operands, {}, std::move(regions)));
      return;
    }
    Attrs attrs;
    while (below(3)) attrs.set(below(2) ? "k" : "odd key", attr());
    if (below(2)) attrs.set("to", Dtype(below(7)));
    std::vector<Value*> operands;
    while (below(3)) operands.push_back(any_of(region));
    named(b.op(toy::blob_p, operands, attrs));
  }

  void named(Op& op) {
    for (const auto& result : op.results) result->name = name();
  }

  void fill(Region& region, int depth) {
    for (unsigned i = 1 + below(12); i > 0; --i) region.add_arg(type(), name());
    for (unsigned i = below(12); i > 0; --i) op(region, depth);
    while (below(3)) region.results.push_back(any_of(region));
  }

  std::mt19937 random_;
  const double nan_ = std::numeric_limits<double>::quiet_NaN();
};

void check_same(const Region& a, const Region& b) {
  REQUIRE(a.args.size() == b.args.size());
  REQUIRE(a.ops.size() == b.ops.size());
  REQUIRE(a.results.size() == b.results.size());
  for (std::size_t i = 0; i < a.args.size(); ++i) CHECK(a.arg(i)->type == b.arg(i)->type);
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    const Op &x = *a.ops[i], &y = *b.ops[i];
    CHECK(x.primitive == y.primitive);
    CHECK(x.attrs == y.attrs);
    if (x.where.known()) CHECK(x.where == y.where);
    REQUIRE(x.operands.size() == y.operands.size());
    REQUIRE(x.regions.size() == y.regions.size());
    for (std::size_t k = 0; k < x.operands.size(); ++k) {
      CHECK(x.operands[k]->index == y.operands[k]->index);
      CHECK((x.operands[k]->op == nullptr) == (y.operands[k]->op == nullptr));
    }
    for (std::size_t k = 0; k < x.regions.size(); ++k) check_same(x.region(k), y.region(k));
  }
}

}  // namespace

TEST_CASE("a graph prints as this") {
  const auto graph = toy::read(R"(
    // A comment; layout is free.
    graph "mnist/layer" batch B (%w: f32[20, 784], %x: f32[784, B]) {
      %0, %w.1 = call %w, %x {scale = 2.0, name = "step"}
        region (%a: f32[20, 784], %b: f32[784, B]) { yield %a, %b } region () { yield }
      %big = blob.any {d = f64, dims = [0, -1], e = [], r = [0.5, inf], n = [.], s = <20, B - 1>,
                       on = true, "odd key" = nan(0x7ff8000000000001)}
      %7 = blob.any %big, %0
      yield %w.1 as "new w" over %x, %big as loss, %7
    })");
  CHECK(print(*graph) == R"(graph "mnist/layer" batch B (%w: f32[20, 784], %x: f32[784, B]) {
  %0, %w.1 = call %w, %x {name = "step", scale = 2.0} region (%a: f32[20, 784], %b: f32[784, B]) {
    yield %a, %b
  } region () {
    yield
  } : f32[20, 784], f32[784, B]
  %big = blob.any {d = f64, dims = [0, -1], e = [], n = [.], "odd key" = nan(0x7ff8000000000001), on = true, r = [0.5, inf], s = <20, B - 1>} : f32[]
  %1 = blob.any %big, %0 : f32[]
  yield %w.1 as "new w" over %x, %big as loss, %1
}
)");
}

TEST_CASE("many arguments stand one a line") {
  Graph graph;
  graph.name = "g";
  for (int i = 0; i < 6; ++i) {
    graph.body.add_arg(Type::tensor(Dtype::F32, {20, Dim::symbol("B")}), "a_long_name");
  }
  CHECK(print(graph) == R"(graph g (
    %a_long_name: f32[20, B],
    %a_long_name#1: f32[20, B],
    %a_long_name#2: f32[20, B],
    %a_long_name#3: f32[20, B],
    %a_long_name#4: f32[20, B],
    %a_long_name#5: f32[20, B]) {
  yield
}
)");
}

TEST_CASE("an op's layer is printed behind its line and read back") {
  const std::string text =
      "graph g (%x: f32[]) {\n"
      "  %0 = add %x, %x : f32[] @ \"m.cpp:12\" in layer_3.layer_1\n"
      "  %1 = add %0, %x : f32[] @ \"m.cpp:13\" in \"my layer\"\n"
      "  %2 = add %x, %x : f32[] @ none in layer_3\n"
      "  yield %1\n"
      "}\n";
  const auto graph = toy::read(text);
  CHECK(graph->body.ops[0]->where == SourceLine{"m.cpp", 12, "layer_3.layer_1"});
  CHECK(graph->body.ops[2]->where == SourceLine{"", 0, "layer_3"});  // it has no line
  CHECK(print(*graph, {.locations = true}) == text);
}

TEST_CASE("attributes that tell lines print with the locations, and are no part of the program") {
  const std::string told =
      "graph g (%x: f32[]) {\n  %y = add %x, %x {declared_0 = \"m.cpp:3\", "
      "k = 1, written_0 = \"m.cpp:7\"} : f32[] @ \"m.cpp:5\"\n  yield %y\n}\n";
  const auto graph = toy::read(told);
  CHECK(print(*graph, {.locations = true}) == told);
  CHECK(print(*graph) ==
        "graph g (%x: f32[]) {\n  %y = add %x, %x {k = 1} : f32[]\n  yield %y\n}\n");
}

TEST_CASE("locations are printed on request and read back") {
  const std::string text =
      "graph g (%x: f32[]) {\n"
      "  %y = add %x, %x : f32[] @ \"dir/a:b.cpp:12\"\n"
      "  yield %y\n"
      "}\n";
  const auto graph = toy::read(text);
  CHECK(graph->body.ops[0]->where == SourceLine{"dir/a:b.cpp", 12});
  CHECK(print(*graph, {.locations = true}) == text);
  CHECK(print(*graph).find('@') == std::string::npos);
  const auto plain = toy::read("graph g (%x: f32[]) {\n  %y = add %x, %x\n  yield %y\n}");
  CHECK(plain->body.ops[0]->where == SourceLine{"t.ir", 2});
}

TEST_CASE("an op prints alone, also when its graph is broken") {
  const auto graph = toy::read("graph g (%x: f32[]) { %y = add %x, %x yield %y }");
  Op& op = *graph->body.ops[0];
  CHECK(print(op) == "%y = add %x, %x : f32[]\n");
  const Value stranger;
  op.operands[1] = const_cast<Value*>(&stranger);
  CHECK(print(op) == "%y = add %x, %? : f32[]\n");
}

TEST_CASE("random graphs come back from their text, attribute kinds and bits included") {
#ifdef NODEC_SANITIZED
  constexpr unsigned graphs = 50;
#else
  constexpr unsigned graphs = 300;
#endif
  for (unsigned seed = 0; seed < graphs; ++seed) {
    CAPTURE(seed);
    const auto graph = RandomGraph(seed).make();
    verify(*graph, "made");
    const std::string text = print(*graph, {.locations = true});
    const auto back = toy::read(text);
    verify(*back, "parse");
    check_same(graph->body, back->body);
    CHECK(back->name == graph->name);
    CHECK(back->batch == graph->batch);
    CHECK(back->result_names == graph->result_names);
    CHECK(back->aliases == graph->aliases);
    CHECK(print(*graph) == print(*back));
    const auto again = toy::read(print(*back, {.locations = true}));
    CHECK(print(*again, {.locations = true}) == print(*back, {.locations = true}));
  }
}

TEST_CASE("every double survives the text bit by bit") {
  std::mt19937_64 random(3);
  std::vector<double> values{0.0, -0.0, 5e-324, 2.2250738585072011e-308, 1.7976931348623157e308};
  for (int i = 0; i < 20000; ++i) values.push_back(std::bit_cast<double>(random()));
  Graph graph;
  graph.name = "g";
  Builder(graph.body).op(toy::blob_p, {}, {{"v", values}});
  const auto back = toy::read(print(graph));
  CHECK(back->body.ops[0]->attrs == graph.body.ops[0]->attrs);
}
