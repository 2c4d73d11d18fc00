// Drawing and loading parameters.
#include "examples/mnist/parameters.h"

#include <algorithm>
#include <bit>

#include "examples/mnist/model.h"
#include "examples/mnist/safetensors.h"

namespace nodec::mnist {
namespace {

std::vector<Parameter> drawn_parameters(const Options& options) {
  const nn::Init init = options.init == "kaiming" ? nn::Init::Kaiming : nn::Init::Glorot;
  ModelOptions shape;
  shape.width = options.width;
  const auto begin = nn::setup(options.seed, model(shape), init).params;
  std::vector<Parameter> parameters;
  for (const nn::Leaf& leaf : begin.leaves) {
    std::vector<std::int64_t> dims;
    for (const Dim& dim : leaf.type.shape()) dims.push_back(dim.constant());
    parameters.push_back({leaf.name, Tensor::of(std::move(dims), begin.view(leaf))});
  }
  return parameters;
}

std::string listed(const std::string& name, const std::vector<std::int64_t>& dims) {
  return fmt::format("'{}' [{}]", name, fmt::join(dims, ", "));
}

// Puts the arrays of a file into the parameters; all differences at once.
void load_parameters(const std::string& file, std::vector<Parameter>& parameters) {
  std::string differences;
  std::vector<LoadedArray> arrays = read_safetensors(file);
  for (Parameter& parameter : parameters) {
    const auto found = std::ranges::find(arrays, parameter.name, &LoadedArray::name);
    if (found == arrays.end()) {
      differences += "; no " + listed(parameter.name, parameter.values.dims());
    } else if (found->dims != parameter.values.dims()) {
      differences += fmt::format("; {} for {}", listed(found->name, found->dims),
                                 listed(parameter.name, parameter.values.dims()));
    } else if (!all_finite(found->values)) {
      differences += fmt::format("; '{}' with values that are not finite", found->name);
    } else {
      parameter.values = Tensor::of<float>(found->dims, found->values);
    }
    if (found != arrays.end()) arrays.erase(found);
  }
  for (const LoadedArray& extra : arrays) differences += "; " + listed(extra.name, extra.dims);
  if (differences.empty()) return;
  throw Error(fmt::format("'{}' does not hold the model's parameters: it holds {}", file,
                          differences.substr(2)),
              {}, "give a file that --save wrote for this --width");
}

}  // namespace

std::vector<Parameter> initial_parameters(const Options& options) {
  std::vector<Parameter> parameters = drawn_parameters(options);
  if (!options.load.empty()) load_parameters(options.load, parameters);
  return parameters;
}

// Quick enough for every step: a value that is not finite has all bits of its exponent set.
bool all_finite(std::span<const float> values) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t odd = 0;
  for (const float value : values) {
    odd |= std::uint32_t((std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent);
  }
  return odd == 0;
}

}  // namespace nodec::mnist
