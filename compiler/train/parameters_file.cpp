// Parameters and the layers' state as a file, and from any by name; with the settings beside them.
#include <algorithm>
#include <cmath>

#include "compiler/train/exact_json.h"
#include "compiler/train/trainer_state.h"
#include "ir/text.h"
#include "runtime/safetensors.h"

namespace nodec::nn {
namespace {

// What could not be loaded again.
void check_type(const std::filesystem::path& file, const std::string& name, const Tensor& array,
                const ArrayType& wanted) {
  if (wanted.is_of(array)) return;
  const bool gone = array.view().lacks_bytes();
  throw Error(fmt::format("cannot write '{}': '{}': wanted {}, got {}", file.string(), name,
                          wanted.str(), gone ? "nothing: it was moved from" : array.view().type()),
              {}, "put an array of the wanted type there");
}

template <class T>
void check_written(const std::filesystem::path& file, const std::string& name,
                   std::span<const T> values) {
  const auto odd = std::ranges::find_if(values, [](T x) { return !std::isfinite(x); });
  if (odd == values.end()) return;
  throw Error(
      fmt::format("cannot write '{}': '{}' holds {}", file.string(), name, number_text(*odd)), {},
      "train with a lower learning rate");
}

bool is_finite_array(const Tensor& array) {
  const auto finite = [](auto values) {
    return std::ranges::all_of(values, [](auto x) { return std::isfinite(x); });
  };
  return array.dtype() == Dtype::F32 ? finite(array.values<float>())
                                     : finite(array.values<double>());
}

std::string listed(const std::string& name, const std::vector<std::int64_t>& dims) {
  return fmt::format("'{}' [{}]", name, fmt::join(dims, ", "));
}

// The settings that a checkpoint or a file of parameters was saved with; none in another's file.
std::map<std::string, double> settings_of(const SafeTensors& file, const std::string& path) {
  const auto checkpoint = file.metadata.find(kCheckpoint), beside = file.metadata.find(kSettings);
  const auto read = [&]() -> std::map<std::string, double> {
    if (beside != file.metadata.end()) return settings_from(Json::parse(beside->second));
    if (checkpoint == file.metadata.end()) return {};
    return settings_from(Json::parse(checkpoint->second).at("settings"));
  };
  return read_metadata(read, [&](const char* how) {
    return Error(fmt::format("'{}' has damaged settings: {}", path, how), {}, "take another file");
  });
}

// A checkpoint has its model's text, a file of parameters none: it may be a part's of another
// model.
void check_model(const SafeTensors& file, const std::string& path, const std::string& wanted) {
  const auto checkpoint = file.metadata.find(kCheckpoint);
  if (checkpoint == file.metadata.end()) return;
  const auto read = [&]() -> std::string {
    return Json::parse(checkpoint->second).at("training").at("model");
  };
  const std::string got = read_metadata(read, [&](const char* how) {
    return Error(fmt::format("'{}' has damaged metadata: {}", path, how), {}, "take another file");
  });
  if (got == wanted) return;
  throw Error(
      fmt::format("'{}' is a checkpoint of another model: wanted {}, got {}", path, wanted, got),
      {}, "give the model that was trained, or a file of its parameters");
}

// What of `names` the file does not hold as the trainer does; those that it lacks are `missing`.
std::string misfits(const Trainer::Impl& impl, const SafeTensors& file,
                    const std::vector<std::string>& names, const LoadOptions& options,
                    std::vector<std::string>& missing) {
  std::string differences;
  for (const std::string& name : names) {
    const ArrayType& mine = impl.types.at(name);
    const Tensor* other = file.find(name);
    if (other == nullptr) {
      missing.push_back(name);
      if (!options.allow_missing) differences += "; no " + listed(name, mine.dims);
    } else if (other->dims() != mine.dims) {
      differences +=
          fmt::format("; {} for {}", listed(name, other->dims()), listed(name, mine.dims));
    } else if (other->dtype() != mine.dtype) {
      differences += fmt::format("; '{}' as {} for {}", name, nodec::name(other->dtype()),
                                 nodec::name(mine.dtype));
    } else if (!is_finite_array(*other)) {
      differences += fmt::format("; '{}' with values that are not finite", name);
    }
  }
  for (const auto& [name, array] : file.arrays) {
    const bool known = std::ranges::find(names, name) != names.end() || is_of_training(name);
    if (!known && !options.allow_missing) differences += "; " + listed(name, array.dims());
  }
  return differences;
}

}  // namespace

bool is_of_training(std::string_view name) {
  return name.starts_with("optimiser.") || name.starts_with("accumulated");
}

void Trainer::Impl::write_arrays(const std::filesystem::path& file,
                                 const std::vector<std::string>& names,
                                 const Metadata& metadata) const {
  std::vector<NamedView> views;
  for (const std::string& name : names) {
    const Tensor& array = arrays[name];
    check_type(file, name, array, types.at(name));
    if (array.dtype() == Dtype::F32) check_written(file, name, array.values<float>());
    if (array.dtype() == Dtype::F64) check_written(file, name, array.values<double>());
    views.push_back({name, array.view()});
  }
  write_safetensors(file, views, metadata);
}

void Trainer::save_parameters(const std::filesystem::path& file) const {
  std::vector<std::string> names = impl_->params;
  names.insert(names.end(), impl_->state.begin(), impl_->state.end());
  Metadata settings;
  if (const auto values = impl_->setting_values(); !values.empty()) {
    settings[kSettings] = settings_json(values).dump();
  }
  impl_->write_arrays(file, names, settings);
}

std::vector<std::string> Trainer::load(const std::filesystem::path& path,
                                       const LoadOptions& options) {
  Impl& impl = *impl_;
  std::vector<std::string> missing, names = impl.params;
  names.insert(names.end(), impl.state.begin(), impl.state.end());
  SafeTensors file = read_safetensors(path);
  const std::string differences = misfits(impl, file, names, options, missing);
  if (!differences.empty()) {
    throw Error(fmt::format("'{}' does not hold the model's parameters: it holds {}", path.string(),
                            differences.substr(2)),
                {}, "give a file of this model's parameters");
  }
  if (options.same_model) check_model(file, path.string(), impl.recipe.model.str());
  if (options.settings) {
    const auto settings = settings_of(file, path.string());
    impl.check_settings(settings);
    impl.take_settings(settings);
  }
  for (auto& [name, array] : file.arrays) {
    if (std::ranges::find(names, name) != names.end()) impl.arrays.set(name, std::move(array));
  }
  return missing;
}

}  // namespace nodec::nn
