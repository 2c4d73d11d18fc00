// Drawing a model's first parameters.
#include "compiler/nn/setup.h"

#include <cmath>
#include <new>
#include <numbers>
#include <stdexcept>
#include <type_traits>

#include "compiler/trace/content.h"
#include "ir/float_mode.h"
#include "ir/nearest.h"
#include "ir/philox.h"

namespace nodec::nn {

std::vector<Leaf> layout(const Type& record) {
  std::vector<Leaf> leaves;
  const std::vector<std::string> names = tracing::leaf_names(record);
  const std::vector<Type> types = tracing::leaf_types(record);
  std::size_t start = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto count = std::size_t(element_count(types[i].shape()).constant());
    leaves.push_back({names[i], types[i], start, count});
    start += count;
  }
  return leaves;
}

std::size_t find_leaf(const std::vector<Leaf>& leaves, std::string_view name) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].name == name) return i;
    known.push_back(leaves[i].name);
  }
  throw Error(fmt::format("there is no leaf '{}'", name), {},
              suggestion_or_all(name, known, "the leaves are:"));
}

namespace {

void append_specs(const Spec& spec, std::vector<const Spec*>& leaves) {
  if (spec.leaf) leaves.push_back(&spec);
  for (const auto& [name, field] : spec.fields) append_specs(field, leaves);
}

// N(0, 1) by Box and Muller, from element j of a key.
double normal(std::uint64_t key, std::uint64_t j) {
  const philox::Words words = philox::draw(key, j);
  const double radius = std::sqrt(-2 * std::log1p(-philox::uniform_f64(words[0], words[1])));
  return radius * std::cos(2 * std::numbers::pi * philox::uniform_f64(words[2], words[3]));
}

double truncated_normal(std::uint64_t key, std::uint64_t j) {
  for (std::uint64_t attempt = 0;; ++attempt) {
    const double x = normal(philox::fold_in(key, attempt), j);
    if (std::abs(x) <= 2) return x;
  }
}

template <class T>
T drawn_number(const Spec& spec, std::uint64_t key, std::uint64_t j) {
  switch (spec.draw) {
    case Draw::Normal:
      return T(spec.value + spec.bound * normal(key, j));
    case Draw::TruncatedNormal:
      return T(spec.value + spec.bound * truncated_normal(key, j));
    case Draw::Uniform:
      break;
  }
  const T unit = philox::uniform_f32(philox::draw(key, j)[0]);  // [0, 1)
  return T(spec.value) + T(spec.bound) * (2 * unit - 1);
}

template <class T>
Leaves<T> drawn(const Spec& spec, std::uint64_t key) {
  Leaves<T> all(spec.type(std::is_same_v<T, double> ? Dtype::F64 : Dtype::F32));
  std::vector<const Spec*> specs;
  append_specs(spec, specs);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::uint64_t own = philox::fold_in(key, i);
    const std::span<T> view = all.view(all.leaves[i]);
    for (std::size_t j = 0; j < view.size(); ++j) view[j] = drawn_number<T>(*specs[i], own, j);
  }
  return all;
}

}  // namespace

template <class T>
Setup<T> setup(std::uint64_t seed, const Layer& model, Init init) {
  const DefaultFloatMode mode;
  try {
    return {drawn<T>(model.rules().params(init), seed),
            drawn<T>(model.rules().state(), philox::fold_in(seed, ~std::uint64_t{0}))};
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  throw Error("there is no memory for the model's parameters", {}, "make its layers smaller");
}

template Setup<float> setup<float>(std::uint64_t, const Layer&, Init);
template Setup<double> setup<double>(std::uint64_t, const Layer&, Init);

}  // namespace nodec::nn
