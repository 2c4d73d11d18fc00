// A Trainer's settings by name: what they may be, which a name means, and what a file brings for
// those that are known only once a program was traced.
#include <algorithm>
#include <cmath>

#include "compiler/nn/names.h"
#include "compiler/train/trainer_state.h"
#include "ir/nearest.h"

namespace nodec::nn {
namespace {

std::string_view last_name(std::string_view setting) {
  return setting.substr(setting.rfind('.') + 1);
}

// Of an input that no layer lists.
SettingDomain domain_of(Dtype dtype) {
  if (dtype != Dtype::I32) return {};
  return {[](double x) { return std::abs(x) <= 2147483647 && x == std::floor(x); },
          "a whole number that fits i32"};
}

void check_number(const Setting::Named& setting, double value) {
  if (setting.domain.holds(value)) return;
  throw Error(
      fmt::format("the setting '{}' is {}, got {}", setting.name, setting.domain.words, value), {},
      "set it to such a number");
}

}  // namespace

void Trainer::Impl::declare_setting(Setting setting) {
  if (last_name(setting.name) == "lr") {
    throw Error(fmt::format("the setting '{}' has the name of the learning rate", setting.name),
                {{recipe.model.where(), "this model"}}, "call it otherwise");
  }
  const auto known = std::ranges::find(settings, setting.name, &Setting::name);
  if (known != settings.end()) {
    if (known->value == setting.value) return;
    throw Error(fmt::format("two settings are called '{}', and begin as {} and as {}", setting.name,
                            known->value, setting.value),
                {{recipe.model.where(), "this model"}},
                "give each a name of its own, or both one number");
  }
  check_setting(setting, setting.value);
  settings.push_back(std::move(setting));
}

void Trainer::Impl::write_setting(const Setting& setting) {
  const std::string port = std::string(kSettingPrefix) + setting.name;
  if (!arrays.contains(port)) return;  // no program uses it yet
  Tensor& array = arrays[port];
  if (array.dtype() == Dtype::F32) {
    array.values<float>()[0] = float(setting.value);
  } else if (array.dtype() == Dtype::F64) {
    array.values<double>()[0] = setting.value;
  } else {
    array.values<std::int32_t>()[0] = std::int32_t(setting.value);
  }
}

void Trainer::Impl::make_settings(const std::vector<Collect::Input>& inputs) {
  for (const Collect::Input& input : inputs) {
    const std::string port = std::string(kSettingPrefix) + input.name;
    if (std::ranges::find(settings, input.name, &Setting::name) == settings.end()) {
      declare_setting({input.name, input.value, domain_of(input.dtype)});
      const auto kept = awaited.extract(input.name);
      if (!kept.empty()) {
        check_setting(settings.back(), kept.mapped());
        settings.back().value = kept.mapped();
      }
    }
    if (!arrays.contains(port)) arrays.set(port, Tensor(input.dtype, {}));
    write_setting(*std::ranges::find(settings, input.name, &Setting::name));
  }
  traced = true;
}

std::vector<std::size_t> Trainer::Impl::settings_meant(std::string_view name) const {
  std::vector<std::size_t> meant;
  std::vector<std::string> names{"lr"}, found;
  bool one_name = true;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    names.push_back(settings[i].name);
    if (!name_means(name, settings[i].name)) continue;
    one_name =
        one_name && (found.empty() || last_name(found.front()) == last_name(settings[i].name));
    meant.push_back(i);
    found.push_back(settings[i].name);
  }
  if (meant.empty()) {
    const std::string later =
        traced ? "" : "; those of functions are known after prepare(), or a first step";
    throw Error(fmt::format("there is no setting '{}'", name), {},
                suggestion(name, words_for(names),
                           fmt::format("the settings are {}{}", fmt::join(names, ", "), later)));
  }
  if (!one_name) {
    throw Error(
        fmt::format("'{}' means settings of different names: {}", name, fmt::join(found, ", ")), {},
        "name one of them");
  }
  return meant;
}

void Trainer::Impl::check_setting(const Setting& setting, double value) const {
  check_number(setting, value);
  if (recipe.dtype != Dtype::F32 || setting.domain.holds(double(float(value)))) return;
  throw Error(fmt::format("the setting '{}' is {}, got {}, which is {} as f32", setting.name,
                          setting.domain.words, value, float(value)),
              {}, "set it to such a number");
}

void Trainer::Impl::check_lr(double value) const { check_setting({"lr", 0, kNotNegative}, value); }

void Trainer::Impl::check_settings(const std::map<std::string, double>& values) const {
  for (const auto& [name, value] : values) {
    const auto known = std::ranges::find(settings, name, &Setting::name);
    check_setting(known == settings.end() ? Setting{name, value, {}} : *known, value);
  }
}

void Trainer::Impl::take_settings(const std::map<std::string, double>& values) {
  awaited.clear();
  for (const auto& [name, value] : values) {
    const auto known = std::ranges::find(settings, name, &Setting::name);
    if (known == settings.end()) {
      awaited[name] = value;
    } else {
      known->value = value;
      write_setting(*known);
    }
  }
}

// Of settings that a file named and no program has shown yet, where the name means none that is
// known.
std::vector<double*> Trainer::Impl::awaited_meant(std::string_view name) {
  std::vector<double*> meant;
  const auto is_meant = [&](const Setting& s) { return name_means(name, s.name); };
  if (std::ranges::any_of(settings, is_meant)) return meant;
  for (auto& [awaiting, value] : awaited) {
    if (name_means(name, awaiting)) meant.push_back(&value);
  }
  return meant;
}

std::map<std::string, double> Trainer::Impl::setting_values() const {
  std::map<std::string, double> values = awaited;
  for (const Setting& setting : settings) values[setting.name] = setting.value;
  return values;
}

std::vector<std::string> Trainer::settings() const {
  std::vector<std::string> names{"lr"};
  for (const Impl::Setting& setting : impl_->settings) names.push_back(setting.name);
  return names;
}

void Trainer::set(std::string_view name, double value) {
  if (name == "lr") {
    impl_->check_lr(value);
    impl_->lr = value;
    return;
  }
  if (const auto waiting = impl_->awaited_meant(name); !waiting.empty()) {
    for (double* number : waiting) *number = value;
    return;
  }
  const std::vector<std::size_t> meant = impl_->settings_meant(name);
  for (const std::size_t i : meant) impl_->check_setting(impl_->settings[i], value);
  for (const std::size_t i : meant) {
    impl_->settings[i].value = value;
    impl_->write_setting(impl_->settings[i]);
  }
}

double Trainer::get(std::string_view name) const {
  if (name == "lr") return impl_->lr;
  if (const auto waiting = impl_->awaited_meant(name); !waiting.empty()) return *waiting.front();
  return impl_->settings[impl_->settings_meant(name).front()].value;
}

}  // namespace nodec::nn
