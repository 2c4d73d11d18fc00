// Inferred types and findings as JSON.
#include "tools/nodec/types_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/catalogue.h"
#include "tools/nodec/labels.h"
#include "tools/nodec/types_table.h"

namespace nodec {
namespace {

using Json = nlohmann::ordered_json;

class Rows {
 public:
  Rows(const Inference& inference, bool prove) : inference_(inference), prove_(prove) {}

  void add(const Region& region, const std::string& path,
           const std::vector<std::string>& result_names) {
    for (const auto& arg : region.args) row(path, "argument", arg->name, arg.get());
    for (const auto& op : region.ops) {
      for (const auto& result : op->results) row(path, "value", result->name, result.get());
    }
    for (std::size_t i = 0; i < region.results.size(); ++i) {
      row(path, "result", i < result_names.size() ? result_names[i] : "", region.results[i]);
    }
    for (const auto& op : region.ops) {
      // The model is the same with and without its gradient.
      const std::string step = op->primitive == &vjp_p ? "" : op_title(*op);
      const std::string here = path + (path.empty() || step.empty() ? "" : "/") + step;
      for (const auto& inner : op->regions) add(*inner, here, {});
    }
  }

  Json take() { return std::move(rows_); }

 private:
  void row(const std::string& path, const char* role, const std::string& name, const Value* value) {
    Json row = {{"path", path},
                {"role", role},
                {"name", name},
                {"type", type_seen(inference_, value).str()}};
    if (prove_) row["proven"] = type_proven(inference_, value).str();
    if (value->op != nullptr) {
      row["op"] = value->op->name();
      row["layer"] = value->op->where.layer;
      row["where"] = value->op->where.str();
    }
    rows_.push_back(std::move(row));
  }

  const Inference& inference_;
  bool prove_;
  Json rows_ = Json::array();
};

// A variable that was never stored to has no type.
std::string type_text(const Type& type) {
  return type.kind() == Type::Kind::Never ? "" : type.str();
}

Json finding_json(const Finding& f) {
  Json writes = Json::array();
  for (const Write& write : f.writes) writes.push_back(write.where.str());
  Json one = {{"code", name(f.code)},
              {"path", f.path},
              {"variable", f.variable},
              {"declared", f.declared.str()},
              {"writes", writes},
              {"before", type_text(f.before)},
              {"after", type_text(f.after)},
              {"lost", f.loads + int(f.lost.size())},
              {"unproven", f.unproven},
              {"compiles", f.stable()},
              {"help", f.help},
              {"program", name(f.program)}};
  if (f.code == FindingCode::FlatPath) {
    one["in_part"] = f.in_part;
    for (const Write& cut : f.writes) one["cut_by"].push_back(cut.op);
  }
  return one;
}

}  // namespace

std::string types_json(std::string_view model, const Graph& graph, const Inference& inference,
                       std::span<const Finding> findings, bool prove,
                       std::span<const Difference> differences,
                       std::string_view not_differentiated) {
  Rows rows(inference, prove);
  rows.add(graph.body, "", graph.result_names);
  Json found = Json::array(), differing = Json::array();
  for (const Finding& f : findings) found.push_back(finding_json(f));
  Json all = {{"model", model}, {"types", rows.take()}, {"findings", found}};
  for (const Difference& d : differences) {
    differing.push_back({{"first", d.first}, {"second", d.second}});
  }
  if (!differing.empty()) all["retrace"] = differing;
  if (!not_differentiated.empty()) all["not_differentiated"] = not_differentiated;
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nodec
