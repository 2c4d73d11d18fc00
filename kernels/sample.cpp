// Samples and their data.
#include "kernels/sample.h"

#include <cmath>

#include "ir/builder.h"
#include "ir/philox.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

void plain_sample(Builder& b, const Primitive& primitive, Dtype real) {
  std::vector<Value*> operands;
  for (int i = 0; i < primitive.arity; ++i) operands.push_back(sample_arg(b, real));
  b.region().results = {b.value(primitive, operands)};
}

void draw_element(Array& array, std::int64_t i, const Domain& domain, const philox::Words& words) {
  const double unit = philox::uniform_f64(words[0], words[1]);
  const double value = domain.low + (domain.high - domain.low) * unit;
  switch (array.dtype) {
    case Dtype::F32:
      return array.set(i, double(float(value)));
    case Dtype::F64:
      return array.set(i, value);
    case Dtype::Bool:
      return array.set_integer(i, words[0] & 1);
    default:
      return array.set(i, std::floor(value));
  }
}

}  // namespace

std::unique_ptr<Graph> sample_graph(const Primitive& primitive, Dtype real) {
  auto graph = std::make_unique<Graph>();
  graph->name = "sample";
  graph->batch = "B";
  Builder b(graph->body);
  if (primitive.sample) {
    primitive.sample(b, real);
  } else {
    plain_sample(b, primitive, real);
  }
  graph->result_names.resize(graph->body.results.size());
  graph->aliases.assign(graph->body.results.size(), -1);
  return graph;
}

std::vector<Array> sample_arguments(const Graph& graph, const Domain& domain,
                                    const Bindings& bindings, std::uint64_t seed) {
  std::vector<Array> arguments;
  for (const auto& arg : graph.body.args) {
    std::vector<std::int64_t> dims;
    for (const Dim& dim : arg->type.shape()) dims.push_back(dim.evaluate(bindings));
    Array array = Array::zeros(arg->type.dtype(), std::move(dims));
    const std::uint64_t key = philox::fold_in(seed, arguments.size());
    for (std::int64_t i = 0; i < array.count(); ++i) {
      draw_element(array, i, domain, philox::draw(key, std::uint64_t(i)));
    }
    arguments.push_back(std::move(array));
  }
  return arguments;
}

}  // namespace nodec
