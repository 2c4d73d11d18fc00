// Host arrays for a model's parameters and state: one flat buffer, with a view for each named leaf.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/nn/layer.h"

namespace nodec::nn {

struct Leaf {
  std::string name;  // "layer_1.weight"
  Type type;
  std::size_t start = 0, count = 0;  // in the flat buffer
};

// The leaves of a record type, laid out one after another.
std::vector<Leaf> layout(const Type& record);
std::size_t find_leaf(const std::vector<Leaf>& leaves, std::string_view name);  // Error if absent

template <class T>
struct Leaves {
  Type type;
  std::vector<Leaf> leaves;
  std::vector<T> values;

  Leaves() = default;
  explicit Leaves(const Type& record, T value = 0) : type(record), leaves(layout(record)) {
    values.assign(leaves.empty() ? 0 : leaves.back().start + leaves.back().count, value);
  }
  std::span<T> operator[](std::string_view name) { return view(leaves[find_leaf(leaves, name)]); }
  std::span<const T> operator[](std::string_view name) const {
    return view(leaves[find_leaf(leaves, name)]);
  }
  std::span<T> view(const Leaf& leaf) { return std::span(values).subspan(leaf.start, leaf.count); }
  std::span<const T> view(const Leaf& leaf) const {
    return std::span(values).subspan(leaf.start, leaf.count);
  }
};

template <class T>
struct Setup {
  Leaves<T> params, state;
};

// Parameters drawn and state as it begins. Leaf i is drawn under the seed's key folded with i, by
// ir/philox.h, so the numbers do not depend on dtype or on other leaves' sizes.
template <class T = float>
Setup<T> setup(std::uint64_t seed, const Layer& model, Init init = Init::Glorot);

extern template Setup<float> setup<float>(std::uint64_t, const Layer&, Init);
extern template Setup<double> setup<double>(std::uint64_t, const Layer&, Init);

}  // namespace nodec::nn
