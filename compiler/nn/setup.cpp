// Drawing a model's first parameters.
#include "compiler/nn/setup.h"

#include <new>
#include <stdexcept>
#include <type_traits>

#include "compiler/trace/content.h"
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
              fmt::format("the leaves are: {}", fmt::join(known, ", ")));
}

namespace {

void append_specs(const Spec& spec, std::vector<const Spec*>& leaves) {
  if (spec.leaf) leaves.push_back(&spec);
  for (const auto& [name, field] : spec.fields) append_specs(field, leaves);
}

template <class T>
Leaves<T> drawn(const Spec& spec, std::uint64_t key) {
  Leaves<T> all(spec.type(std::is_same_v<T, double> ? Dtype::F64 : Dtype::F32));
  std::vector<const Spec*> specs;
  append_specs(spec, specs);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::uint64_t own = philox::fold_in(key, i);
    const auto bound = T(specs[i]->bound), value = T(specs[i]->value);
    const std::span<T> view = all.view(all.leaves[i]);
    for (std::size_t j = 0; j < view.size(); ++j) {
      const T unit = philox::uniform_f32(philox::draw(own, j)[0]);  // [0, 1)
      view[j] = value + bound * (2 * unit - 1);
    }
  }
  return all;
}

}  // namespace

template <class T>
Setup<T> setup(std::uint64_t seed, const Layer& model, Init init) {
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
