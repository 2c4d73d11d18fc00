// Whole programs that ask for a derivative of a region in all its float arguments, and numbers to
// hold one such answer against another.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "ir/graph.h"
#include "ir/philox.h"
#include "kernels/build.h"

namespace nodec::requests {

inline bool is_real(const Value& value) {
  return value.type.is_tensor() && is_float(value.type.dtype());
}

inline std::vector<std::int64_t> real_places(const std::vector<const Value*>& values) {
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (is_real(*values[i])) places.push_back(std::int64_t(i));
  }
  return places;
}

inline std::vector<const Value*> arguments_of(const Region& f) {
  std::vector<const Value*> args;
  for (const auto& arg : f.args) args.push_back(arg.get());
  return args;
}

// Asks in `into`, whose arguments become f's and then one for each direction: tangents of the float
// arguments for `jvp`, cotangents of the float results for `vjp`. Its results are the request's.
inline void ask(Region& into, const Primitive& request, const Region& f) {
  const std::vector<std::int64_t> wrt = real_places(arguments_of(f));
  const std::vector<std::int64_t> seeds = real_places({f.results.begin(), f.results.end()});
  Values operands;
  for (const auto& arg : f.args) operands.push_back(into.add_arg(arg->type, arg->name));
  const bool forward = &request == &jvp_p;
  for (const std::int64_t i : forward ? wrt : seeds) {
    const Value& of = forward ? *f.arg(std::size_t(i)) : *f.results[std::size_t(i)];
    operands.push_back(into.add_arg(of.type));
  }
  Attrs attrs{{"wrt", wrt}};
  if (!forward) attrs.set("seeds", seeds);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(f));
  const Op& op = Builder(into).op(request, operands, std::move(attrs), std::move(regions));
  for (const auto& result : op.results) into.results.push_back(result.get());
}

inline std::unique_ptr<Graph> asking(const Primitive& request, const Graph& f) {
  auto graph = std::make_unique<Graph>();
  graph->name = "asking";
  graph->batch = f.batch;
  ask(graph->body, request, f.body);
  graph->result_names.resize(graph->body.results.size());
  graph->aliases.assign(graph->body.results.size(), -1);
  return graph;
}

// Numbers in (-1, 1), the same for the same seed.
inline std::vector<Array> directions(const std::vector<Array>& like, std::uint64_t seed) {
  std::vector<Array> all;
  for (const Array& array : like) {
    if (!is_float(array.dtype)) continue;
    Array& moved = all.emplace_back(array);
    const std::uint64_t key = philox::fold_in(seed, all.size());
    for (std::int64_t i = 0; i < moved.count(); ++i) {
      const auto words = philox::draw(key, std::uint64_t(i));
      moved.set(i, 2 * philox::uniform_f64(words[0], words[1]) - 1);
    }
  }
  return all;
}

inline std::vector<Array> joined(std::vector<Array> a, const std::vector<Array>& more) {
  a.insert(a.end(), more.begin(), more.end());
  return a;
}

struct Product {
  double sum = 0, size = 0;  // size: of the terms, not of their sum
};

inline Product product(const std::vector<Array>& xs, const std::vector<Array>& ys) {
  Product p;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    for (std::int64_t j = 0; j < xs[i].count(); ++j) {
      const double term = xs[i].real(j) * ys.at(i).real(j);
      p.sum += term, p.size += std::fabs(term);
    }
  }
  return p;
}

}  // namespace nodec::requests
