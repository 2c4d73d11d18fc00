// Programs for the compiler's tests, drawn at random or by hand, and how to run and compare them.
#include "tests/compiler/programs.h"

#include <cmath>
#include <limits>

#include "ir/builder.h"
#include "ir/interpret.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "kernels/build.h"

namespace nodec::testing {
namespace {

// A plain deterministic sequence (splitmix64).
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double in(Domain d) { return d.low + (d.high - d.low) * double(next() >> 11) * 0x1p-53; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[next() % from.size()];
  }

 private:
  std::uint64_t state_;
};

Array drawn(const Type& type, Draws& draws, Domain domain) {
  std::vector<std::int64_t> dims;
  for (const Dim& dim : type.shape()) {
    Bindings bindings;
    for (const std::string& symbol : dim.symbols()) bindings[symbol] = 3;
    dims.push_back(dim.evaluate(bindings));
  }
  Array array = Array::zeros(type.dtype(), dims);
  for (std::int64_t i = 0; i < array.count(); ++i) {
    const double x = draws.in(domain);
    array.set(i, is_float(type.dtype()) ? x : std::floor(std::fabs(x)));
  }
  return array;
}

double difference(const Array& a, const Array& b) {
  if (a.dtype != b.dtype || a.dims != b.dims) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::int64_t i = 0; i < a.count(); ++i) {
    const double x = a.real(i), y = b.real(i);
    if (std::isnan(x) && std::isnan(y)) continue;
    const double d = x == y ? 0 : std::fabs(x - y) / std::max(1.0, std::fabs(y));
    worst = std::isnan(d) ? d : std::max(worst, d);
  }
  return worst;
}

}  // namespace

std::unique_ptr<Graph> program(const std::string& text) { return parse(text, find_primitive); }

std::string body_text(const Graph& graph) {
  const std::string text = print(graph);
  const std::size_t first = text.find('\n') + 1;
  return text.substr(first, text.rfind('}') - first);
}

std::vector<Array> draw(const std::vector<const Value*>& values, std::uint64_t seed,
                        Domain domain) {
  Draws draws(seed);
  std::vector<Array> arrays;
  for (const Value* value : values) arrays.push_back(drawn(value->type, draws, domain));
  return arrays;
}

std::vector<Array> draw_arguments(const Region& region, std::uint64_t seed, Domain domain) {
  std::vector<const Value*> values;
  for (const auto& arg : region.args) values.push_back(arg.get());
  return draw(values, seed, domain);
}

std::vector<Array> interpreted(const Region& region, const std::vector<Array>& arguments) {
  Interpreter interpreter;
  interpreter.bindings()["B"] = 3;
  const std::vector<Datum> data(arguments.begin(), arguments.end());
  std::vector<Array> arrays;
  for (const Datum& datum : interpreter.run(region, data)) arrays.push_back(datum.array);
  return arrays;
}

double distance(const std::vector<Array>& a, const std::vector<Array>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = difference(a[i], b[i]);
    if (!(d <= worst)) worst = d;
  }
  return worst;
}

namespace {

class RandomProgram {
 public:
  RandomProgram(Region& region, Draws& draws) : b_(region), draws_(draws) {
    for (const auto& arg : region.args) values_.push_back(arg.get());
  }

  void grow(int ops, int depth) {
    for (int i = 0; i < ops; ++i) step(depth);
    b_.region().results = {draws_.pick(values_), values_.back()};
  }

 private:
  void step(int depth) {
    Value *x = draws_.pick(values_), *y = draws_.pick(values_);
    switch (draws_.next() % 14) {
      case 0:
        return keep(add(b_, x, y));
      case 1:
        return keep(sub(b_, x, y));
      case 2:
        return keep(mul(b_, x, y));
      case 3:
        return keep(tanh(b_, x));
      case 4:
        return keep(neg(b_, x));
      case 5:
        return keep(mul(b_, x, splat(b_, x, double(draws_.next() % 3) - 1)));
      case 6:
        return keep(add(b_, x, splat(b_, x, -0.0)));
      case 7:
        return keep(reshape(b_, reshape(b_, x, {6}), {2, 3}));
      case 8:
        return keep(transpose(b_, transpose(b_, x, {1, 0}), {1, 0}));
      case 9:
        return keep(broadcast_to(b_, sum(b_, x, {1}), {2, 3}, {0}));
      case 10:
        return keep(add(b_, matmul(b_, matmul(b_, x, y, false, true), x), y));
      case 11:
        return keep(select(b_, lt(b_, x, y), x, draws_.pick(values_)));
      case 12:
        return keep(concat(b_, {slice(b_, x, 0, 0, 1), slice(b_, y, 0, 1, 1)}, 0));
      default:
        return depth > 0 ? nested(x, y, depth) : keep(sin(b_, x));
    }
  }

  // A call that passes its second argument on, so that there is something to see through.
  void nested(Value* x, Value* y, int depth) {
    auto region = std::make_unique<Region>();
    region->add_arg(x->type), region->add_arg(x->type), region->add_arg(x->type);
    RandomProgram(*region, draws_).grow(4, depth - 1);
    region->results.push_back(region->arg(1));
    const Op& op = call(b_, {x, y, draws_.pick(values_)}, std::move(region), "block");
    for (const auto& result : op.results) keep(result.get());
  }

  void keep(Value* value) { values_.push_back(value); }

  Builder b_;
  Draws& draws_;
  std::vector<Value*> values_;
};

}  // namespace

std::unique_ptr<Graph> random_graph(std::uint64_t seed) {
  auto graph = std::make_unique<Graph>();
  graph->name = "random";
  const Type type = Type::tensor(Dtype::F64, {2, 3});
  for (const char* name : {"x", "y", "z"}) graph->body.add_arg(type, name);
  Draws draws(seed);
  RandomProgram(graph->body, draws).grow(14, 2);
  graph->result_names.assign(graph->body.results.size(), "");
  graph->aliases.assign(graph->body.results.size(), -1);
  return graph;
}

}  // namespace nodec::testing
