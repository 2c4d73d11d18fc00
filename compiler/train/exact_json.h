// Numbers in JSON that come back bit by bit: in hexadecimal, as text.
#pragma once

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "ir/error.h"

namespace nodec::nn {

using Json = nlohmann::json;

// Where a checkpoint's metadata has what it says, and a file of parameters its settings.
inline constexpr const char* kCheckpoint = "nodec.checkpoint";
inline constexpr const char* kSettings = "nodec.settings";

inline std::string exact(double value) { return fmt::format("{:a}", value); }
inline double exact(const Json& json) {
  return std::strtod(json.get<std::string>().c_str(), nullptr);
}

inline Json settings_json(const std::map<std::string, double>& settings) {
  Json json = Json::object();
  for (const auto& [name, value] : settings) json[name] = exact(value);
  return json;
}

inline std::map<std::string, double> settings_from(const Json& json) {
  std::map<std::string, double> settings;
  for (const auto& [name, value] : json.items()) settings[name] = exact(value);
  return settings;
}

}  // namespace nodec::nn
