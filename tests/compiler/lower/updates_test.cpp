// Values written over what others are read from: inputs that results are put in place of, and
// carries of loops that take views of each other.
#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec::oracle {
namespace {

const Dim kB = Dim::symbol("B");

// New contents of x and y, and whatever else there is to give.
using Update = std::function<std::vector<Var>(const Var& x, const Var& y)>;

void expect_updated(const Shape& shape, const std::string& batch, const Update& update) {
  INFO(str(shape), ", batch '", batch, "'");
  Trace t("updates", batch);
  const Type type = Type::tensor(Dtype::F64, shape);
  const Var x = t.input("x", type), y = t.input("y", type);
  const std::vector<Var> results = update(x, y);
  t.update("x", results[0]);
  t.update("y", results[1]);
  for (std::size_t i = 2; i < results.size(); ++i) t.output(fmt::format("z{}", i), results[i]);
  expect_agreement(*t.finish().graph, 1e-12, {37});
}

void expect_updated(const Update& update, bool square = false) {
  for (const Shape& shape : {Shape{}, {5}, {40, 30}, {600}, {kB}}) {
    if (!square) expect_updated(shape, "", update);
  }
  for (const Shape& shape : {Shape{5, 5}, {40, 40}}) expect_updated(shape, "", update);
  if (!square) expect_updated({5, kB}, "B", update);
}

void expect_carried(const std::function<Var(const Var& x)>& view) {
  for (const Shape& shape : {Shape{5, 5}, {40, 40}, {5, 5, kB}}) {
    INFO(str(shape));
    Trace t("carries", shape.back() == kB ? "B" : "");
    const Var x = t.input("x", Type::tensor(Dtype::F64, shape));
    t.output("own", repeat(3, x, [&](const Var&, const Var& v) { return view(v); }));
    const auto [a, b] = repeat(3, std::tuple{x, x * 2.0}, [&](Var, const Var& v, const Var& w) {
      return std::tuple{view(w), view(v)};
    });
    t.output("other", a), t.output("another", b);
    expect_agreement(*t.finish().graph, 1e-12, {1, 37});
  }
}

Var first_row(const Var& x) {
  Axes axes;
  for (std::size_t i = 1; i < x.rank(); ++i) axes.push_back(std::int64_t(i));
  return broadcast_to(x.at(0), x.shape(), axes);
}

Var transposed(const Var& x) { return x.rank() == 2 ? transpose(x) : transpose(x, {1, 0, 2}); }

}  // namespace

TEST_CASE("inputs are written over when all that reads them is done") {
  expect_updated([](const Var& x, const Var& y) { return std::vector{y, x}; });
  expect_updated([](const Var& x, const Var& y) { return std::vector{x + 1.0, y * 2.0, x, y}; });
  expect_updated([](const Var& x, const Var& y) { return std::vector{y + 1.0, x, x * y}; });
  expect_updated([](const Var& x, const Var& y) { return std::vector{zeros_like(x), y, x}; });
  expect_updated([](const Var& x, const Var& y) {
    const Var end = repeat(3, x, [&](const Var&, const Var& v) { return v + x; });
    return std::vector{end, x, sum(x - y)};
  });
  expect_updated([](const Var& x, const Var& y) {
    const Var either = cond(
        sum(x) > 0.0, [&] { return y; }, [&] { return x; });
    return std::vector{either, x};
  });
}

TEST_CASE("an input is written over by what reads it in another order") {
  const auto updated = [](const std::function<Var(const Var&)>& f) {
    expect_updated([&](const Var& x, const Var& y) { return std::vector{f(x), f(y), x}; }, true);
    expect_updated([&](const Var& x, const Var& y) { return std::vector{f(x), y}; }, true);
  };
  updated([](const Var& x) { return transpose(x); });
  updated([](const Var& x) { return x + transpose(x); });
  updated([](const Var& x) { return (x + transpose(x)) * 0.5; });
  updated([](const Var& x) { return x - first_row(x); });
  updated([](const Var& x) { return first_row(x); });
  expect_updated(
      [](const Var& x, const Var& y) {
        return std::vector{x + 1.0, y, reshape(transpose(x), {x.shape()[0] * x.shape()[1]})};
      },
      true);
}

TEST_CASE("carries take views of themselves and of each other") {
  expect_carried([](const Var& x) { return transposed(x); });
  expect_carried([](const Var& x) { return first_row(x); });
}

}  // namespace nodec::oracle
