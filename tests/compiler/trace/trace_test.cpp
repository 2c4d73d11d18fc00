// Whole traces: inputs, outputs, records, bodies and derivatives.
#include <functional>
#include <tuple>

#include "compiler/ad/differentiate.h"
#include "compiler/passes/unbox.h"
#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::count;
using testing::message;
using testing::number;
using testing::numbers;
using testing::run;

Traced differentiated(Traced traced) {
  unbox(*traced.graph);
  differentiate(*traced.graph);
  return traced;
}

TEST_CASE("a callable and its input types make a graph") {
  const Traced traced =
      trace("hypotenuse", {{"a", f64()}, {"b", f64()}}, [](const Var& a, const Var& b) {
        const Var aa = a * a;
        const Var bb = b * b;
        return sqrt(aa + bb);
      });
  CHECK(testing::text(*traced.graph) == R"(graph hypotenuse (%a: f64[], %b: f64[]) {
  %0 = mul %a, %a : f64[]
  %1 = mul %b, %b : f64[]
  %2 = add %0, %1 : f64[]
  %3 = sqrt %2 : f64[]
  yield %3 as result
}
)");
  const Traced both = trace("both", {{"x", f32()}}, [](std::vector<Var>& x) {
    return Outputs{{"twice", x[0] * 2}, {"half", x[0] / 2}};
  });
  CHECK(both.graph->result_names == std::vector<std::string>{"twice", "half"});
  const Traced pair = trace("pair", {}, [] { return std::tuple(constant(1.0), constant(2.0)); });
  CHECK(pair.graph->result_names == std::vector<std::string>{"result_1", "result_2"});
}

TEST_CASE("a record is one input a leaf, readable nested and by its dotted name") {
  Trace t("record");
  const Type type = Type::record(
      {{"layer_1", Type::record({{"weight", f32({2, 3})}, {"bias", f32({2})}})}, {"k", f32()}});
  Params ps = t.input("", type);
  CHECK(ps["layer_1"]["bias"].type() == f32({2}));
  t.output("nested", ps["layer_1"]["bias"] * ps["k"]);
  t.output("dotted", ps["layer_1.bias"] + 1);
  t.output("flat", flat(ps));
  t.output("back", unflat(flat(ps) * 2, type));
  ps["k"] = 7;
  t.update("k", Var(ps["k"]));
  const Traced traced = t.finish();
  const auto& args = traced.graph->body.args;
  CHECK(args[0]->name == "layer_1.weight");
  CHECK(args[2]->name == "k");
  CHECK(traced.graph->aliases == std::vector<int>{-1, -1, -1, -1, -1, -1, 2});
  CHECK(traced.graph->result_names[3] == "back.layer_1.weight");
  const auto results =
      run(traced, {Array::of({2, 3}, {1, 2, 3, 4, 5, 6}, Dtype::F32), numbers({7, 8}), number(10)});
  CHECK(results[0] == std::vector<double>{70, 80});
  CHECK(results[1] == std::vector<double>{8, 9});
  CHECK(results[2] == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 10});
  CHECK(results[4] == std::vector<double>{14, 16});
  CHECK(results[6] == std::vector<double>{7});
}

TEST_CASE("a gradient leaves one vjp op; what the function assigns comes out of it") {
  Trace t("gradient");
  const Var x = t.input("x", f64({2})), k = t.input("k", f64());
  Var seen;
  auto [value, dx] = value_and_grad(
      [&](const Var& v) {
        seen = v * 10;
        return sum(k * v * v);
      },
      x);
  t.output("value", value);
  t.output("dx", dx);
  t.output("seen", seen);
  Traced traced = t.finish();
  CHECK(count(traced, "vjp") == 1);
  CHECK(testing::find(traced.graph->body, "vjp").results.size() == 3);
  const auto results =
      run(differentiated(std::move(traced)), {numbers({1, 2}, Dtype::F64), number(3, Dtype::F64)});
  CHECK(results[0] == std::vector<double>{15});
  CHECK(results[1] == std::vector<double>{6, 12});
  CHECK(results[2] == std::vector<double>{10, 20});
}

TEST_CASE("a gradient that tells its error gives one value more, and may end the program") {
  const auto traced = [](const auto& last) {
    Trace t("told");
    const Var x = t.input("x", f64({2})), k = t.input("k", f64()), most = t.input("most", f64());
    const auto loss = [](const Var& v, const Var& by) {
      return sum(solve([&](const Var& u) { return by * u; }, v, 0, 1, {.rtol = 1e-8}).u);
    };
    last(t, loss, x, k, most);
    Traced done = t.finish();
    CHECK(count(done, "vjp") == 1);
    return run(differentiated(std::move(done)),
               {numbers({1, 2}, Dtype::F64), number(0.5, Dtype::F64), number(1e-9, Dtype::F64)});
  };
  const auto free = traced([](Trace& t, auto& loss, const Var& x, const Var& k, const Var&) {
    const auto [value, gradient, error] = value_and_grad_error(loss, x, k);
    t.output("value", value);
    t.output("dx", std::get<0>(gradient));
    t.output("error", error);
  });
  CHECK(free[0][0] == doctest::Approx(3 * std::exp(0.5)));
  CHECK(free[1][1] == doctest::Approx(std::exp(0.5)));
  CHECK(free[2][0] > 0);
  CHECK(free[2][0] < 1e-4);
  const auto limited = [&](auto limit) {
    return traced([&](Trace& t, auto& loss, const Var& x, const Var& k, const Var& most) {
      t.output("error", value_and_grad_error(loss, std::tie(x, k), limit(most)).error);
    });
  };
  CHECK(limited([](const Var&) { return GradientErrorLimit{1e-3}; })[0] == free[2]);
  const auto exceed = [&] { limited([](const Var& most) { return GradientErrorLimit(most); }); };
  CHECK_THROWS_WITH_AS(exceed(), doctest::Contains("not to be relied on"), Error);
  CHECK_THROWS_WITH_AS(exceed(), doctest::Contains("limit 1e-09)"), Error);
}

TEST_CASE("gradients are taken of several variables, and again") {
  Trace t("twice");
  const Var x = t.input("x", f64()), y = t.input("y", f64());
  auto [dx, dy] = grad([](const Var& a, const Var& b) { return a * a * b; }, std::tie(x, y));
  const Var hessian =
      grad([&](const Var& a) { return grad([](const Var& v) { return v * v * v; }, a); }, x);
  auto [value, pulled] = vjp([](const Var& a) { return sin(a); }, x, y);
  t.output("dx", dx);
  t.output("dy", dy);
  t.output("hessian", hessian);
  t.output("pulled", pulled);
  const auto results =
      run(differentiated(t.finish()), {number(3, Dtype::F64), number(5, Dtype::F64)});
  CHECK(results[0][0] == 30);
  CHECK(results[1][0] == 9);
  CHECK(results[2][0] == 18);
  CHECK(results[3][0] == doctest::Approx(5 * std::cos(3.0)));
}

TEST_CASE("a gradient of several arguments is a tuple, in which each keeps its form") {
  Trace t("several");
  const Params ps = t.input("ps", Type::record({{"k", f64()}, {"c", f64()}}));
  const Var x = t.input("x", f64()), y = t.input("y", f64());
  const std::vector<Var> both{x, y};
  const std::pair<Var, Var> pair(y, x);
  const auto loss = [](const Params& p, std::vector<Var> v, std::pair<Var, Var> w, const Var& z) {
    return p["k"] * v[0] * v[1] + p["c"] * w.first * w.second * w.second + z * z;
  };
  const auto [value, slopes] = value_and_grad(loss, ps, both, pair, x);
  const auto& [dps, dv, dw, dz] = slopes;
  t.output("value", value);
  t.output("", dps);
  for (int i = 0; i < 2; ++i) t.output(fmt::format("v{}", i), dv[std::size_t(i)]);
  t.output("first", dw.first);
  t.output("second", dw.second);
  t.output("z", dz);
  const auto [dx, dy] = grad([](const Var& a, Var b) { return a * b * b; }, x, y);
  t.output("dx", dx);
  t.output("dy", dy);
  std::vector<Array> inputs;
  for (const double number : {7, 11, 2, 3}) inputs.push_back(testing::number(number, Dtype::F64));
  const auto results = run(differentiated(t.finish()), inputs);
  std::vector<double> got;
  for (const auto& result : results) got.push_back(result.at(0));
  CHECK(got == std::vector<double>{42 + 132 + 4, 6, 12, 21, 14, 44, 132, 4, 9, 12});
}

TEST_CASE("a gradient has the line that asks for it, or the one it is given") {
  Trace t("lines");
  const Var x = t.input("x", f64());
  const auto square = [](const Var& v) { return v * v; };
  const std::source_location here = std::source_location::current();
  const Var first = grad(square, x);  // two lines below `here`'s
  const Var second = grad({square, here}, x);
  t.output("sum", first + second);
  const Traced traced = t.finish();
  std::vector<int> lines;
  for (const auto& op : traced.graph->body.ops) {
    if (op->name() == "vjp") lines.push_back(op->where.line);
  }
  CHECK(lines == std::vector<int>{int(here.line()) + 1, int(here.line())});
}

TEST_CASE("a traced function takes any number of inputs") {
  std::vector<Input> inputs;
  std::vector<Array> numbers;
  for (int i = 0; i < 9; ++i) {
    inputs.push_back({fmt::format("x{}", i), f64()});
    numbers.push_back(number(i + 1, Dtype::F64));
  }
  using V = const Var&;
  const auto nine = [](V a, V b, V c, V d, Var e, Var f, V g, V h, V i) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;
  };
  CHECK(run(trace("nine", inputs, nine), numbers)[0][0] == 285);
  const auto generic = [](auto a, auto b, auto c, auto d, auto e) { return a + b + c + d + e; };
  const std::vector<Input> five(inputs.begin(), inputs.begin() + 5);
  CHECK(run(trace("generic", five, generic), {numbers.begin(), numbers.begin() + 5})[0][0] == 15);
  const auto one = [](const auto& x) { return x * 2; };
  CHECK(run(trace("one", {{"x", f64()}}, one), {number(4, Dtype::F64)})[0][0] == 8);
  CHECK(message([&] { trace("two", inputs, [](V a, V b) { return a + b; }); }) ==
        "error: the program has 9 inputs, and its function does not take as many variables\n"
        "  help: give it one parameter for each input (a generic lambda takes at most 32), or one "
        "std::vector<Var>&");
}

TEST_CASE("what value_and_grad returns can be a program's results") {
  const Traced traced = trace("all", {{"x", f64()}, {"y", f64()}}, [](const Var& x, const Var& y) {
    return value_and_grad([](const Var& a, const Var& b) { return a * b * b; }, x, y);
  });
  const auto results = run(differentiated(traced), {number(2, Dtype::F64), number(3, Dtype::F64)});
  CHECK(results == std::vector<std::vector<double>>{{18}, {9}, {12}});
}

TEST_CASE("bodies take and give back tuples, vectors and records") {
  Trace t("trees");
  const Var x = t.input("x", f32());
  auto [n, power] = while_loop(
      std::tuple(constant(0, Dtype::I32), x), [](const Var& i, const Var&) { return i < 3; },
      [&](const Var& i, const Var& p) { return std::tuple(i + 1, p * x); });
  const std::vector<Var> doubled = call(
      "double",
      [](std::vector<Var> v) {
        for (Var& element : v) element *= 2;
        return v;
      },
      std::vector<Var>{x, power});
  t.output("n", n);
  t.output("x", doubled[0]);
  t.output("power", doubled[1]);
  const auto results = run(t.finish(), {number(2)});
  CHECK(results[0][0] == 3);
  CHECK(results[1][0] == 4);
  CHECK(results[2][0] == 32);
}

TEST_CASE("the state of a solve may be several variables, the time is the last argument") {
  Trace t("states");
  const Var p = t.input("p", f64()), q = t.input("q", f64());
  SolveOptions options;
  options.rtol = t.input("rtol", f64());
  options.atol = 1e-9;
  const auto solution =
      solve([](const Var& a, const Var& b, const Var& time) { return std::pair(b, -a + 0 * time); },
            std::pair(p, q), 0, 1, options);
  t.output("p", solution.u.first);
  t.output("q", solution.u.second);
  t.output("t", solution.t);
  const auto results =
      run(t.finish(), {number(1, Dtype::F64), number(0, Dtype::F64), number(1e-9, Dtype::F64)});
  CHECK(results[0][0] == doctest::Approx(std::cos(1.0)).epsilon(1e-7));
  CHECK(results[1][0] == doctest::Approx(-std::sin(1.0)).epsilon(1e-7));
  CHECK(results[2][0] == 1);
}

TEST_CASE("ops carry the line they were written on") {
  Trace t("lines");
  const Var x = t.input("x", f32());
  const int line = __LINE__ + 1;
  const Var y = tanh(x);
  t.output("y", y);
  const Traced traced = t.finish();
  CHECK(traced.graph->body.ops[0]->where.line == line);
  CHECK(traced.graph->body.ops[0]->where.file.ends_with("trace_test.cpp"));
}

TEST_CASE("a constant is not rounded to its dtype") {
  Trace t("constants");
  CHECK(message([] { constant(2.5, Dtype::I32); }) ==
        R"(error: 'constant' of i32 cannot hold 2.5
  --> line +0
  help: give whole numbers from -2147483648 to 2147483647, or take another dtype)");
}

TEST_CASE("constants in braces are a vector, one alone too") {
  const Traced traced = trace("vectors", {{"x", f64({})}}, [](Var) {
    const Var none = constant(std::vector<double>{});
    CHECK(none.type().str() == "f32[0]");
    CHECK(constant({3}).type().str() == "f32[1]");
    CHECK(constant({3.5, 4}, Dtype::F64).type().str() == "f64[2]");
    CHECK(constant({3, 4}, Dtype::I32, {2, 1}).type().str() == "i32[2, 1]");
    return constant(3);
  });
  CHECK(traced.graph->body.results[0]->type.str() == "f32[]");
}

TEST_CASE("a reshape leaves one size to the others") {
  Trace t("shapes", "B");
  const Var x = t.input("x", f32({4, 6, "B"}));
  CHECK(reshape(x, {-1}).type().str() == "f32[24*B]");
  CHECK(reshape(x, {3, -1, Dim::symbol("B")}).type().str() == "f32[3, 8, B]");
  CHECK(reshape(x, {24, -1}).type().str() == "f32[24, B]");
  CHECK(testing::message([&] {
          reshape(x, {5, -1});
        }) ==
        R"(error: 'reshape' cannot give 'x' f32[4, 6, B], of 24*B elements, the shape [5, -1], of -5
  --> line +0
  help: give a shape of as many elements)");
  CHECK_THROWS_AS(reshape(x, {-1, -1}), Error);
}

TEST_CASE("logic is written as in C++") {
  const Traced both = trace("both", {{"x", f64()}, {"y", f64()}}, [](const Var& x, const Var& y) {
    const Var inside = x > 0 && y < 1, outside = !inside || x == y;
    return std::tuple(cast(inside, Dtype::F64), cast(outside, Dtype::F64));
  });
  CHECK(run(both, {number(1, Dtype::F64), number(0, Dtype::F64)}) ==
        std::vector<std::vector<double>>{{1}, {0}});
  CHECK(run(both, {number(2, Dtype::F64), number(2, Dtype::F64)}) ==
        std::vector<std::vector<double>>{{0}, {1}});
}

}  // namespace
}  // namespace nodec
