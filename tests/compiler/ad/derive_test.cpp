// derive: every primitive's gradient against finite differences, and what crosses between sweeps.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "compiler/ad/differentiate.h"
#include "compiler/passes/unbox.h"
#include "ir/builder.h"
#include "ir/interpret.h"
#include "ir/print.h"
#include "kernels/catalogue.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

std::vector<int> floats(const std::vector<const Value*>& values) {
  std::vector<int> indices;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Type& type = values[i]->type;
    if (type.is_tensor() && is_float(type.dtype())) indices.push_back(int(i));
  }
  return indices;
}

std::vector<const Value*> arguments(const Region& region) {
  std::vector<const Value*> values;
  for (const auto& arg : region.args) values.push_back(arg.get());
  return values;
}

std::vector<const Value*> results(const Region& region) {
  return {region.results.begin(), region.results.end()};
}

// A region's derivative in all its floats at one random point.
class Check {
 public:
  Check(const Region& region, Domain domain)
      : region_(region), wrt_(floats(arguments(region))), seeds_(floats(results(region))) {
    x_ = draw_arguments(region, 7, domain);
    y_ = interpreted(region, x_);
    for (int seed : seeds_) {
      Array dy = y_[std::size_t(seed)];
      for (std::int64_t i = 0; i < dy.count(); ++i)
        dy.reals[std::size_t(i)] = std::cos(double(i + seed));
      dy_.push_back(std::move(dy));
    }
  }

  bool trivial() const { return wrt_.empty() || seeds_.empty(); }

  // The largest error of any cotangent, relative to the largest cotangent.
  double error() const {
    const std::vector<Array> dx = gradients();
    double worst = 0, scale = 1;
    for (std::size_t k = 0; k < wrt_.size(); ++k) {
      for (std::int64_t i = 0; i < dx[k].count(); ++i) {
        const double slope = finite_difference(std::size_t(wrt_[k]), std::size_t(i));
        const double error = std::fabs(dx[k].real(i) - slope);
        if (!(error <= worst)) worst = error;
        scale = std::max(scale, std::fabs(slope));
      }
    }
    return worst / scale;
  }

 private:
  std::vector<Array> gradients() const {
    const Derivative d = derive(region_, wrt_, seeds_);
    Interpreter interpreter;
    interpreter.bindings()["B"] = 3;
    std::vector<Datum> forward =
        interpreter.run(*d.forward, std::vector<Datum>(x_.begin(), x_.end()));
    REQUIRE(forward.size() == y_.size() + d.residuals);
    std::vector<Datum> given(forward.begin() + std::ptrdiff_t(y_.size()), forward.end());
    given.insert(given.end(), dy_.begin(), dy_.end());
    std::vector<Array> dx;
    for (Datum& datum : interpreter.run(*d.reverse, given)) dx.push_back(std::move(datum.array));
    REQUIRE(dx.size() == wrt_.size());
    return dx;
  }

  double weighted(const std::vector<Array>& x) const {
    const std::vector<Array> y = interpreted(region_, x);
    double sum = 0;
    for (std::size_t k = 0; k < seeds_.size(); ++k) {
      const Array& result = y[std::size_t(seeds_[k])];
      for (std::int64_t i = 0; i < result.count(); ++i) sum += dy_[k].real(i) * result.real(i);
    }
    return sum;
  }

  double finite_difference(std::size_t argument, std::size_t element) const {
    const double h = 1e-6;
    std::vector<Array> x = x_;
    double& moved = x[argument].reals[element];
    moved += h;
    const double above = weighted(x);
    moved -= 2 * h;
    return (above - weighted(x)) / (2 * h);
  }

  const Region& region_;
  std::vector<int> wrt_, seeds_;
  std::vector<Array> x_, y_, dy_;
};

// The primitive's sample as a graph without boxes and records.
std::unique_ptr<Graph> sample_of(const Primitive& p) {
  auto graph = std::make_unique<Graph>();
  Builder b(graph->body);
  if (p.sample != nullptr) {
    p.sample(b, Dtype::F64);
  } else {
    std::vector<Value*> operands;
    for (int i = 0; i < p.arity; ++i) {
      operands.push_back(graph->body.add_arg(Type::tensor(Dtype::F64, {3, Dim::symbol("B")})));
    }
    graph->body.results = {b.value(p, operands)};
  }
  unbox(*graph);
  differentiate(*graph);
  return graph;
}

bool differentiable(const Region& region) {
  return std::all_of(region.ops.begin(), region.ops.end(),
                     [](const auto& op) { return op->primitive->gradient.none_because.empty(); });
}

TEST_CASE("the gradient of every primitive agrees with finite differences") {
  int checked = 0;
  for (const Primitive* p : catalogue()) {
    if (!p->gradient.none_because.empty() || p == &stop_gradient_p) continue;
    CAPTURE(p->name);
    const std::unique_ptr<Graph> graph = sample_of(*p);
    const Check check(graph->body, p->domain);
    if (check.trivial() || !differentiable(graph->body)) continue;
    CHECK(check.error() < 2e-6);
    ++checked;
  }
  CHECK(checked > 50);
}

std::string derived(const std::string& text, const std::vector<int>& wrt) {
  const std::unique_ptr<Graph> graph = program(text);
  const Derivative d = derive(graph->body, wrt, {0});
  return print(*d.forward) + print(*d.reverse);
}

TEST_CASE("a bias is stored, its broadcast is not; views and plain arithmetic are computed again") {
  const std::string text = derived(
      R"(graph layer batch B (%w: f32[20, 784], %b: f32[20], %x: u8[784, B]) {
  %pixels = cast %x {to = f32}
  %wide = broadcast %b {dims = [0], shape = <20, B>}
  %h = matmul %w, %pixels {ta = false, tb = false}
  %z = mul %h, %wide
  yield %z
})",
      {0, 1});
  CHECK(text == R"((%w: f32[20, 784], %b: f32[20], %x: u8[784, B]) {
  %pixels = cast %x {to = f32} : f32[784, B]
  %wide = broadcast %b {dims = [0], shape = <20, B>} : f32[20, B]
  %h = matmul %w, %pixels {ta = false, tb = false} : f32[20, B]
  %z = mul %h, %wide : f32[20, B]
  yield %z, %b, %x, %h
}
(%b: f32[20], %x: u8[784, B], %h: f32[20, B], %0: f32[20, B]) {
  %pixels = cast %x {to = f32} : f32[784, B]
  %wide = broadcast %b {dims = [0], shape = <20, B>} : f32[20, B]
  %1 = mul %0, %wide : f32[20, B]
  %2 = mul %0, %h : f32[20, B]
  %3 = matmul %1, %pixels {ta = false, tb = true} : f32[20, 784]
  %4 = sum %2 {axes = [1]} : f32[20]
  yield %3, %4
}
)");
}

std::size_t stored(const std::string& text) {
  const std::unique_ptr<Graph> graph = program(text);
  return derive(graph->body, {0}, {0}).residuals;
}

TEST_CASE("a value is stored where slices of it would be that hold as many elements") {
  const std::string two_of_two = R"(graph f batch B (%u: f32[2, B]) {
  %a = slice %u {axis = 0, size = <1>, start = 0}
  %b = slice %u {axis = 0, size = <1>, start = 1}
  %y = mul %a, %b
  yield %y
})";
  CHECK(stored(two_of_two) == 1);
  CHECK(derived(two_of_two, {0}).find("yield %y, %u\n") != std::string::npos);
  // Of three they are less.
  std::string two_of_three = two_of_two;
  two_of_three.replace(two_of_three.find("f32[2, B]"), 9, "f32[3, B]");
  CHECK(stored(two_of_three) == 2);
}

TEST_CASE("equal questions get equal answers") {
  const std::string text = R"(graph g (%x: f64[3], %y: f64[3]) {
  %0 = mul %x, %y
  %1 = tanh %0
  %2 = div %1, %y
  yield %2
})";
  CHECK(derived(text, {0, 1}) == derived(text, {0, 1}));
}

TEST_CASE("a cotangent nobody wants costs nothing") {
  const std::string text = R"(graph g (%w: f64[4, 3], %x: f64[3, 5]) {
  %h = matmul %w, %x {ta = false, tb = false}
  %y = tanh %h
  yield %y
})";
  const std::unique_ptr<Graph> graph = program(text);
  const auto products = [&](const std::vector<int>& wrt) {
    const Derivative d = derive(graph->body, wrt, {0});
    return std::count_if(d.reverse->ops.begin(), d.reverse->ops.end(),
                         [](const auto& op) { return op->primitive == &matmul_p; });
  };
  CHECK(products({0}) == 1);
  CHECK(products({1}) == 1);
  CHECK(products({0, 1}) == 2);
}

TEST_CASE("integers, comparisons and stopped values carry no cotangent") {
  const std::unique_ptr<Graph> graph = program(R"(graph g (%x: f64[3]) {
  %limit = stop_gradient %x
  %above = gt %x, %limit
  %y = select %above, %x, %limit
  %f = floor %y
  %z = add %f, %limit
  yield %z
})");
  const Derivative d = derive(graph->body, {0}, {0});
  CHECK(d.residuals == 0);
  CHECK(d.reverse->ops.size() == 1);
  CHECK(d.reverse->ops[0]->primitive == &constant_p);
}

}  // namespace
}  // namespace nodec
