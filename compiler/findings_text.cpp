// Findings to JSON and back, member by member.
#include "compiler/findings_text.h"

#include <nlohmann/json.hpp>

#include "ir/parse.h"

namespace nodec {

using Json = nlohmann::json;

// A finding without a type has Type's default, which has no text.
void to_json(Json& json, const Type& type) {
  json = type.kind() == Type::Kind::Never ? "" : type.str();
}

void from_json(const Json& json, Type& type) {
  const auto text = json.get<std::string>();
  type = text.empty() ? Type() : parse_type(text);
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SourceLine, file, line, layer)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Write, where, type, of_value, op)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Lost, name, op, where, proven)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Finding, code, program, path, variable, declared, writes, before,
                                   after, loads, lost, unproven, help, stops, in_part)

std::string findings_text(std::span<const Finding> findings) {
  return Json(findings).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Finding> read_findings(std::string_view text) {
  try {
    return Json::parse(text).get<std::vector<Finding>>();
  } catch (const Json::exception& error) {
    throw Error(fmt::format("these are no findings: {}", error.what()));
  }
}

}  // namespace nodec
