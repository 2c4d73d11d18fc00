// Rendering of inferred types and findings. Both forms walk the same rows, one a value worth
// naming: arguments and results of every region, and values the user named.
#include "tools/nodec/types_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "ir/primitive.h"
#include "ir/report.h"

namespace nodec {
namespace {

struct Row {
  std::string path;  // of the region: names of the ops that hold it, from the model's root
  std::string role;  // "argument", "result", "value"
  std::string name;
  std::string type;    // as seen by a compiler that stops at boxes
  std::string proven;  // by the fixed point
};

std::string lookup(const std::unordered_map<const Value*, Type>& types, const Value* value) {
  const auto found = types.find(value);
  return (found == types.end() ? value->type : found->second).str();
}

class Rows {
 public:
  explicit Rows(const Inference& inference) : inference_(inference) {}

  void add(const Region& region, const std::string& path,
           const std::vector<std::string>& result_names) {
    for (const auto& arg : region.args) add(path, "argument", arg->name, arg.get());
    for (const auto& op : region.ops) {
      for (const auto& result : op->results) {
        if (!result->name.empty()) add(path, "value", result->name, result.get());
      }
    }
    for (std::size_t i = 0; i < region.results.size(); ++i) {
      add(path, "result", i < result_names.size() ? result_names[i] : "", region.results[i]);
    }
    for (const auto& op : region.ops) {
      const std::string here = (path.empty() ? "" : path + "/") +
                               op->attrs.get_or<std::string>("name", std::string(op->name()));
      for (const auto& inner : op->regions) add(*inner, here, {});
    }
  }

  std::vector<Row> take() { return std::move(rows_); }

 private:
  void add(const std::string& path, const char* role, const std::string& name, const Value* value) {
    rows_.push_back(
        {path, role, name, lookup(inference_.seen, value), lookup(inference_.proven, value)});
  }

  const Inference& inference_;
  std::vector<Row> rows_;
};

std::vector<Row> rows(const Graph& graph, const Inference& inference) {
  Rows rows(inference);
  rows.add(graph.body, "", graph.result_names);
  return rows.take();
}

std::string type_text(const Row& row) {
  return row.type == row.proven ? row.type : fmt::format("{} (proven {})", row.type, row.proven);
}

}  // namespace

std::string types_text(std::string_view model, const Graph& graph, const Inference& inference,
                       std::span<const Finding> findings) {
  std::string text = fmt::format("{}\n", model), path;
  std::size_t width = 0;
  const std::vector<Row> all = rows(graph, inference);
  for (const Row& row : all) width = std::max(width, row.name.size());
  for (const Row& row : all) {
    if (row.path != path) text += fmt::format("{}\n", path = row.path);
    text += fmt::format("  {:<9} {:<{}}  {}\n", row.role, row.name, width, type_text(row));
  }
  return text + report(findings);
}

std::string types_json(std::string_view model, const Graph& graph, const Inference& inference,
                       std::span<const Finding> findings) {
  using Json = nlohmann::ordered_json;
  Json types = Json::array(), found = Json::array();
  for (const Row& row : rows(graph, inference)) {
    types.push_back({{"path", row.path},
                     {"role", row.role},
                     {"name", row.name},
                     {"type", row.type},
                     {"proven", row.proven}});
  }
  for (const Finding& f : findings) {
    Json writes = Json::array();
    for (const Write& write : f.writes) writes.push_back(write.where.str());
    found.push_back({{"code", name(f.code)},
                     {"path", f.path},
                     {"variable", f.variable},
                     {"declared", f.declared.str()},
                     {"writes", writes},
                     {"before", f.before.str()},
                     {"after", f.after.str()},
                     {"lost", f.loads + int(f.lost.size())},
                     {"help", f.help}});
  }
  return Json{{"model", model}, {"types", types}, {"findings", found}}.dump() + "\n";
}

}  // namespace nodec
