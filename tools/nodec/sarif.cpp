// Findings in SARIF 2.1.0 (OASIS, 2020), which code hosts and editors show at the lines they are
// about: a finding stands where its variable is declared, its writes are related locations.
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "ir/report.h"
#include "tools/nodec/types_json.h"

namespace nodec {
namespace {

using Json = nlohmann::ordered_json;

// RFC 3986: everything but unreserved characters and / is escaped.
std::string uri_path(std::string_view path) {
  std::string uri;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    uri +=
        plain ? std::string(1, c) : fmt::format("%{:02X}", unsigned(static_cast<unsigned char>(c)));
  }
  return uri;
}

Json artifact(const std::string& file) {
  const std::string path = short_path(file);
  if (std::filesystem::path(path).is_absolute()) return {{"uri", "file://" + uri_path(path)}};
  return {{"uri", uri_path(path)}, {"uriBaseId", "WORKING_DIRECTORY"}};
}

Json location(const SourceLine& where) {
  Json region = {{"startLine", where.line}};
  const std::string text = source_text(where);
  if (!text.empty()) region["snippet"] = {{"text", text}};
  return {{"physicalLocation", {{"artifactLocation", artifact(where.file)}, {"region", region}}}};
}

// Where the finding stands: its declaration, else its first write whose line is known.
const SourceLine* place(const Finding& f) {
  if (f.declared.known()) return &f.declared;
  for (const Write& write : f.writes) {
    if (write.where.known()) return &write.where;
  }
  return nullptr;
}

Json logical(const Finding& f) {
  const std::string variable = f.variable.empty() ? "(unnamed)" : f.variable;
  const std::string path = f.path.empty() ? variable : f.path + "/" + variable;
  return Json::array({{{"name", variable}, {"fullyQualifiedName", path}, {"kind", "variable"}}});
}

Json result(const Finding& f) {
  Json one = {{"ruleId", name(f.code)},
              {"ruleIndex", std::size_t(f.code)},
              {"level", f.stable() ? "warning" : "error"},
              {"message", {{"text", sentence(f) + (f.help.empty() ? "" : ". Help: " + f.help)}}}};
  Json where = Json::object();
  if (const SourceLine* at = place(f)) where = location(*at);
  where["logicalLocations"] = logical(f);
  one["locations"] = Json::array({where});
  Json related = Json::array();
  for (const Write& write : f.writes) {
    if (!write.where.known()) continue;
    Json at = location(write.where);
    at["id"] = related.size() + 1;
    at["message"] = {{"text", remark(f, write)}};
    related.push_back(std::move(at));
  }
  if (!related.empty()) one["relatedLocations"] = related;
  one["properties"] = {{"program", name(f.program)},
                       {"before", f.before.str()},
                       {"after", f.after.str()},
                       {"lost", f.loads + int(f.lost.size())}};
  return one;
}

// The rule of ops that a second trace has differently; its index follows those of findings.
constexpr const char* kRetraceRule = "trace-changes";

Json result(const Difference& d) {
  std::string text = "a second trace differs";
  if (!d.first.empty()) text += fmt::format(", first: {}", d.first);
  if (!d.second.empty()) text += fmt::format(", second: {}", d.second);
  Json one = {{"ruleId", kRetraceRule},
              {"ruleIndex", finding_codes().size()},
              {"level", "warning"},
              {"message", {{"text", fmt::format("{}. Help: {}", text, kRetraceHelp)}}}};
  if (d.where.known()) one["locations"] = Json::array({location(d.where)});
  return one;
}

Json rules() {
  Json all = Json::array();
  for (const FindingCode code : finding_codes()) {
    Finding example;
    example.code = code;
    all.push_back({{"id", name(code)},
                   {"shortDescription", {{"text", meaning(code)}}},
                   {"defaultConfiguration", {{"level", example.stable() ? "warning" : "error"}}}});
  }
  all.push_back({{"id", kRetraceRule},
                 {"shortDescription", {{"text", "two traces of one model are not the same"}}},
                 {"defaultConfiguration", {{"level", "warning"}}}});
  return all;
}

std::string working_directory() {
  std::error_code failed;
  const std::filesystem::path here = std::filesystem::current_path(failed);
  return "file://" + uri_path(here.string()) + "/";
}

}  // namespace

std::string types_sarif(std::string_view model, std::span<const Finding> findings,
                        std::span<const Difference> differences) {
  Json results = Json::array();
  for (const Finding& f : findings) results.push_back(result(f));
  for (const Difference& d : differences) results.push_back(result(d));
  const Json driver = {{"name", "nodec"}, {"semanticVersion", NODEC_VERSION}, {"rules", rules()}};
  const Json run = {{"tool", {{"driver", driver}}},
                    {"originalUriBaseIds", {{"WORKING_DIRECTORY", {{"uri", working_directory()}}}}},
                    {"automationDetails", {{"id", fmt::format("nodec types/{}", model)}}},
                    {"results", results}};
  const Json log = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                    {"version", "2.1.0"},
                    {"runs", Json::array({run})}};
  return log.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nodec
