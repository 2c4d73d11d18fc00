// Numbers in JSON that come back bit by bit: in hexadecimal, as text.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "ir/error.h"
#include "ir/exact_number.h"

namespace nodec::nn {

using Json = nlohmann::json;

// Where a checkpoint's metadata has what it says, and a file of parameters its settings.
inline constexpr const char* kCheckpoint = "nodec.checkpoint";
inline constexpr const char* kSettings = "nodec.settings";

inline std::string exact(double value) { return exact_text(value); }
// As Json has it, a std::exception where there is no such number; whoever reads a file names it.
inline double exact(const Json& json) {
  if (const auto number = exact_number(json.get<std::string>())) return *number;
  throw std::runtime_error(json.dump() + " is no number");
}

// What `read` makes of a file's metadata; else what `damaged` makes of why it cannot be read.
template <class Read, class Damaged>
auto read_metadata(const Read& read, const Damaged& damaged) {
  try {
    return read();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& damage) {
    throw damaged(damage.what());
  }
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
