// A trainer as a file: its lasting arrays, and beside them, as JSON in the file's metadata, what
// the training is and where it stands. Numbers that must come back bit by bit are written in
// hexadecimal.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "compiler/train/trainer_state.h"
#include "runtime/safetensors.h"

namespace nodec::nn {
namespace {

using Json = nlohmann::json;

constexpr const char* kCheckpoint = "nodec.checkpoint";
constexpr std::int64_t kCheckpointVersion = 1;

std::string exact(double value) { return fmt::format("{:a}", value); }
double exact(const Json& json) { return std::strtod(json.get<std::string>().c_str(), nullptr); }

Json totals_json(const Totals& t) {
  Json metrics = Json::array(), notes = Json::object();
  for (const Ratio& ratio : t.metrics) metrics.push_back({exact(ratio.sum), exact(ratio.count)});
  for (const auto& [name, value] : t.notes) notes[name] = exact(value);
  Json json{{"epoch", t.epoch},
            {"batches", t.batches},
            {"samples", t.samples},
            {"loss_sum", exact(t.loss_sum)},
            {"metrics", metrics},
            {"f_evals", t.f_evals},
            {"accepted", t.accepted},
            {"rejected", t.rejected},
            {"seconds", exact(t.seconds)},
            {"step_seconds", exact(t.step_seconds)},
            {"threads_ran", exact(t.threads_ran)},
            {"notes", notes}};
  if (t.gradient_error) json["gradient_error"] = exact(*t.gradient_error);
  return json;
}

Totals totals_from(const Json& json) {
  Totals t;
  t.epoch = json.at("epoch");
  t.batches = json.at("batches");
  t.samples = json.at("samples");
  t.loss_sum = exact(json.at("loss_sum"));
  for (std::size_t i = 0; i < std::min(kMostMetrics, json.at("metrics").size()); ++i) {
    t.metrics[i] = {exact(json.at("metrics").at(i).at(0)), exact(json.at("metrics").at(i).at(1))};
  }
  t.f_evals = json.at("f_evals");
  t.accepted = json.at("accepted");
  t.rejected = json.at("rejected");
  t.seconds = exact(json.at("seconds"));
  t.step_seconds = exact(json.at("step_seconds"));
  t.threads_ran = exact(json.at("threads_ran"));
  for (const auto& [name, value] : json.at("notes").items()) t.notes[name] = exact(value);
  if (json.contains("gradient_error")) t.gradient_error = exact(json.at("gradient_error"));
  return t;
}

// What makes two trainings one.
Json identity(const Trainer::Impl& impl) {
  std::vector<std::string> metrics;
  for (const Metric& metric : impl.recipe.metrics) metrics.push_back(metric.name());
  return {{"model", impl.recipe.model.str()},
          {"loss", impl.recipe.loss.name()},
          {"metrics", fmt::format("{}", fmt::join(metrics, ", "))},
          {"optimiser", impl.recipe.optimiser.str()},
          {"schedule", impl.options.schedule.name()},
          {"dtype", std::string(name(impl.recipe.dtype))},
          {"seed", impl.options.seed},
          {"accumulate", impl.options.accumulate},
          {"frozen", fmt::format("{}", fmt::join(impl.recipe.frozen, ", "))}};
}

Json place_json(const Place& place) {
  return {{"epoch", place.epoch},     {"index", place.index}, {"seed", place.seed},
          {"batches", place.batches}, {"batch", place.batch}, {"samples", place.samples}};
}

std::string stated(const Json& json) {
  return json.is_string() ? json.get<std::string>() : json.dump();
}

void compare(const Json& wanted, const Json& got, const std::string& of, std::string& differences) {
  for (const auto& [name, value] : wanted.items()) {
    const auto found = got.find(name);
    if (found != got.end() && *found == value) continue;
    differences += fmt::format("\n  {}{}: wanted {}, got {}", of, name, stated(value),
                               found == got.end() ? "nothing" : stated(*found));
  }
}

// Arrays of a checkpoint that are no parameters.
bool is_of_training(std::string_view name) {
  return name.starts_with("optimiser.") || name.starts_with("accumulated");
}

// Where the optimiser is another one, that its arrays are others goes without saying.
void compare_arrays(const Trainer::Impl& impl, const SafeTensors& file, bool same_optimiser,
                    std::string& differences) {
  const std::vector<std::string> names = impl.lasting();
  const auto left_out = [&](const std::string& name) {
    return !same_optimiser && is_of_training(name);
  };
  for (const std::string& name : names) {
    if (left_out(name)) continue;
    const std::string wanted = impl.arrays[name].view().type();
    const Tensor* got = file.find(name);
    if (got != nullptr && got->view().type() == wanted) continue;
    differences += fmt::format("\n  '{}': wanted {}, got {}", name, wanted,
                               got == nullptr ? "nothing" : got->view().type());
  }
  for (const NamedTensor& array : file.arrays) {
    if (left_out(array.name) || std::ranges::find(names, array.name) != names.end()) continue;
    differences +=
        fmt::format("\n  '{}': wanted nothing, got {}", array.name, array.array.view().type());
  }
}

// What the file says, once it is this training's.
Json checked(const Trainer::Impl& impl, const SafeTensors& file, const std::string& path,
             const Loader& loader) {
  const auto found = file.metadata.find(kCheckpoint);
  if (found == file.metadata.end()) {
    throw Error(fmt::format("'{}' is no checkpoint, but arrays alone", path), {},
                "begin with its parameters by load()");
  }
  const Json json = Json::parse(found->second, nullptr, false);
  const bool whole = json.is_object() && json.contains("version");
  if (whole && json["version"] != kCheckpointVersion) {
    throw Error(fmt::format("'{}' is a checkpoint of version {}: wanted {}", path,
                            json["version"].dump(), kCheckpointVersion),
                {}, "go on with the nodec that wrote it");
  }
  std::string differences;
  if (whole && json.contains("training") && json.contains("next")) {
    compare(identity(impl), json["training"], "", differences);
    Json place = place_json(loader.place());
    place.erase("epoch");
    place.erase("index");
    if (json["next"].value("batch", 0) != 0) {  // else no batch was stepped yet
      compare(place, json["next"], "loader's ", differences);
    }
    const Json mine = identity(impl), &other = json["training"];
    bool same = true;
    for (const char* what : {"optimiser", "frozen", "accumulate", "dtype"}) {
      same = same && other.contains(what) && other[what] == mine[what];
    }
    compare_arrays(impl, file, same, differences);
  } else {
    differences = "\n  its metadata are damaged";
  }
  if (differences.empty()) return json;
  throw Error(fmt::format("'{}' is a checkpoint of another training:{}", path, differences), {},
              "name another file, or train as it was trained");
}

void restore(Trainer::Impl& impl, const Json& json) {
  impl.epoch = json.at("epoch");
  impl.updates = json.at("updates");
  impl.gathered = json.at("gathered");
  impl.lr = exact(json.at("lr"));
  for (Trainer::Impl::Setting& setting : impl.settings) {
    if (!json.at("settings").contains(setting.name)) continue;
    setting.value = exact(json.at("settings").at(setting.name));
    impl.write_setting(setting);
  }
  impl.running = totals_from(json.at("running"));
  impl.history.clear();
  for (const Json& epoch : json.at("history")) impl.history.push_back(totals_from(epoch));
}

void write_arrays(const Trainer::Impl& impl, const std::filesystem::path& file,
                  const std::vector<std::string>& names, const Metadata& metadata) {
  std::vector<NamedView> views;
  for (const std::string& name : names) views.push_back({name, impl.arrays[name].view()});
  write_safetensors(file, views, metadata);
}

template <class T>
void check_written(const std::filesystem::path& file, const std::string& name,
                   std::span<const T> values) {
  const auto odd = std::ranges::find_if(values, [](T x) { return !std::isfinite(x); });
  if (odd == values.end()) return;
  throw Error(fmt::format("cannot write '{}': '{}' holds {}", file.string(), name, *odd), {},
              "train with a lower learning rate");
}

bool is_finite_array(const Tensor& array) {
  const auto finite = [](auto values) {
    return std::ranges::all_of(values, [](auto x) { return std::isfinite(x); });
  };
  return array.dtype() == Dtype::F32 ? finite(array.values<float>())
                                     : finite(array.values<double>());
}

std::string listed(const std::string& name, const Tensor& array) {
  return fmt::format("'{}' [{}]", name, fmt::join(array.dims(), ", "));
}

}  // namespace

void Trainer::save(const std::filesystem::path& file) const {
  const Impl& impl = *impl_;
  Json history = Json::array(), settings = Json::object();
  for (const Totals& epoch : impl.history) history.push_back(totals_json(epoch));
  for (const Impl::Setting& setting : impl.settings) settings[setting.name] = exact(setting.value);
  const Json json{{"version", kCheckpointVersion},
                  {"training", identity(impl)},
                  {"epoch", impl.epoch},
                  {"updates", impl.updates},
                  {"gathered", impl.gathered},
                  {"next", place_json(impl.next)},
                  {"lr", exact(impl.lr)},
                  {"settings", settings},
                  {"running", totals_json(impl.running)},
                  {"history", history}};
  write_arrays(impl, file, impl.lasting(), {{kCheckpoint, json.dump()}});
}

bool Trainer::resume(const std::filesystem::path& file, Loader& loader) {
  std::error_code none;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, none))) return false;
  SafeTensors read = read_safetensors(file);
  const Json json = checked(*impl_, read, file.string(), loader);
  try {
    restore(*impl_, json);
    loader.seek(json.at("next").at("epoch"), json.at("next").at("index"));
    impl_->next = loader.place();
  } catch (const Json::exception& damage) {
    throw Error(fmt::format("'{}' is a damaged checkpoint: {}", file.string(), damage.what()), {},
                "go on from another one");
  }
  for (NamedTensor& array : read.arrays) impl_->arrays.set(array.name, std::move(array.array));
  return true;
}

void Trainer::save_parameters(const std::filesystem::path& file) const {
  std::vector<std::string> names = impl_->params;
  names.insert(names.end(), impl_->state.begin(), impl_->state.end());
  for (const std::string& name : names) {
    const Tensor& array = impl_->arrays[name];
    if (array.dtype() == Dtype::F32) check_written(file, name, array.values<float>());
    if (array.dtype() == Dtype::F64) check_written(file, name, array.values<double>());
  }
  write_arrays(*impl_, file, names, {});
}

std::vector<std::string> Trainer::load(const std::filesystem::path& path,
                                       const LoadOptions& options) {
  Impl& impl = *impl_;
  std::vector<std::string> missing, names = impl.params;
  names.insert(names.end(), impl.state.begin(), impl.state.end());
  std::string differences;
  SafeTensors file = read_safetensors(path);
  for (const std::string& name : names) {
    const Tensor &mine = impl.arrays[name], *other = file.find(name);
    if (other == nullptr) {
      missing.push_back(name);
      if (!options.allow_missing) differences += "; no " + listed(name, mine);
    } else if (other->dims() != mine.dims()) {
      differences += fmt::format("; {} for {}", listed(name, *other), listed(name, mine));
    } else if (other->dtype() != mine.dtype()) {
      differences += fmt::format("; '{}' as {} for {}", name, nodec::name(other->dtype()),
                                 nodec::name(mine.dtype()));
    } else if (!is_finite_array(*other)) {
      differences += fmt::format("; '{}' with values that are not finite", name);
    }
  }
  for (const auto& [name, array] : file.arrays) {
    const bool known = std::ranges::find(names, name) != names.end() || is_of_training(name);
    if (!known && !options.allow_missing) differences += "; " + listed(name, array);
  }
  if (!differences.empty()) {
    throw Error(fmt::format("'{}' does not hold the model's parameters: it holds {}", path.string(),
                            differences.substr(2)),
                {}, "give a file of this model's parameters");
  }
  for (auto& [name, array] : file.arrays) {
    if (std::ranges::find(names, name) != names.end()) impl.arrays.set(name, std::move(array));
  }
  return missing;
}

}  // namespace nodec::nn
