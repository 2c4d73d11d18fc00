// The differential test: a program run by the reference interpreter and as machine code.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "compiler/pipeline.h"
#include "ir/interpret.h"
#include "ir/parse.h"
#include "ir/philox.h"
#include "kernels/catalogue.h"
#include "runtime/tensor.h"

namespace nodec::oracle {

inline std::unique_ptr<Graph> read(std::string_view text) { return parse(text, find_primitive); }

// What `lower` makes of a program, as text.
inline std::string plan_text(const std::string& text) { return dump(*read(text), "lower"); }

inline std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

inline Tensor tensor_of(const Array& a) {
  Tensor t(a.dtype, a.dims);
  const auto n = std::size_t(a.count());
  for (std::size_t i = 0; i < n; ++i) {
    switch (a.dtype) {
      case Dtype::F32:
        t.values<float>()[i] = float(a.reals[i]);
        break;
      case Dtype::F64:
        t.values<double>()[i] = a.reals[i];
        break;
      case Dtype::I32:
        t.values<std::int32_t>()[i] = std::int32_t(a.integers[i]);
        break;
      case Dtype::I64:
        t.values<std::int64_t>()[i] = a.integers[i];
        break;
      case Dtype::Key:
        static_cast<std::int64_t*>(t.data())[i] = a.integers[i];
        break;
      default:
        static_cast<std::uint8_t*>(t.data())[i] = std::uint8_t(a.integers[i]);
    }
  }
  return t;
}

inline double value_at(const Tensor& t, std::size_t i) {
  switch (t.dtype()) {
    case Dtype::F32:
      return t.values<float>()[i];
    case Dtype::F64:
      return t.values<double>()[i];
    case Dtype::I32:
      return t.values<std::int32_t>()[i];
    case Dtype::I64:
      return double(t.values<std::int64_t>()[i]);
    default:
      return static_cast<const std::uint8_t*>(t.data())[i];
  }
}

// Inputs for a graph: floats in [-1, 1] as the program's dtype holds them, integers in [0, 4].
inline std::vector<Array> inputs_for(const Graph& graph, const Bindings& bindings,
                                     std::uint64_t seed = 1) {
  std::vector<Array> inputs;
  std::uint64_t counter = 0;
  for (const auto& arg : graph.body.args) {
    std::vector<std::int64_t> dims;
    for (const Dim& d : arg->type.shape()) dims.push_back(d.evaluate(bindings));
    Array a = Array::zeros(arg->type.dtype(), dims);
    for (std::int64_t i = 0; i < a.count(); ++i) {
      const double u = philox::uniform_f32(philox::draw(seed, counter++)[0]);
      if (is_float(a.dtype)) {
        a.reals[std::size_t(i)] = float(2 * u - 1);
      } else {
        a.integers[std::size_t(i)] = std::int64_t(u * 5);
      }
    }
    inputs.push_back(std::move(a));
  }
  return inputs;
}

inline std::vector<Tensor> run_compiled(const Program& program, const std::vector<Array>& inputs,
                                        int threads = 1, const Bindings& symbols = {}) {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const Array& a : inputs) tensors.push_back(tensor_of(a));
  for (const Tensor& t : tensors) views.push_back(t.view());
  CallOptions options;
  options.threads = threads;
  options.exact_team = true;
  options.symbols = symbols;
  return program.executable->run(views, options);
}

inline Program compile_fresh(const Graph& graph) {
  CompileOptions options;
  options.cache = ObjectCache("");
  return compile(graph, options);
}

inline void expect_close(const std::vector<Tensor>& got, const std::vector<Array>& want,
                         double tolerance) {
  REQUIRE(got.size() == want.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    REQUIRE(got[k].dims() == want[k].dims);
    const double least = want[k].dtype == Dtype::F32 ? 1e-5 : 0;
    const double allowed = std::max(tolerance, least);
    for (std::int64_t i = 0; i < want[k].count(); ++i) {
      const double a = value_at(got[k], std::size_t(i)), b = want[k].real(i);
      const bool same = (std::isnan(a) && std::isnan(b)) || a == b ||
                        std::abs(a - b) <= allowed * (1 + std::abs(b));
      CHECK_MESSAGE(same, "output ", k, " element ", i, ": got ", a, ", wanted ", b);
      if (!same) return;
    }
  }
}

// Machine code against the interpreter, for whole and partial blocks and several thread counts.
inline void expect_agreement(const Graph& graph, const Program& program, double tolerance,
                             const std::vector<std::int64_t>& batches) {
  const std::unique_ptr<Graph> plain = run_until(graph, "differentiate");
  for (const std::int64_t batch : batches) {
    const Bindings bindings{{"B", batch}, {"N", 50}};
    const std::vector<Array> inputs = inputs_for(graph, bindings);
    const std::vector<Array> want = interpret(*plain, inputs);
    for (const int threads : {1, 3}) {
      INFO("batch ", batch, ", threads ", threads);
      expect_close(run_compiled(program, inputs, threads), want, tolerance);
    }
    if (graph.batch.empty()) break;
  }
}

// Without a batch, its tensors left whole as well.
inline void expect_agreement(const Graph& graph, double tolerance = 2e-5,
                             const std::vector<std::int64_t>& batches = {1, 16, 37, 128}) {
  expect_agreement(graph, compile_fresh(graph), tolerance, batches);
  if (!graph.batch.empty()) return;
  expect_agreement(graph, compile_expanded(*run_until(graph, "expand")), tolerance, batches);
}

}  // namespace nodec::oracle
