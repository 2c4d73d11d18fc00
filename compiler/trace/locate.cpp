// Return addresses to lines, and lines to names.
#include "compiler/trace/locate.h"

#include <map>
#include <regex>
#include <unordered_map>

#include "compiler/trace/call_stack.h"
#include "ir/report.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace tracing {
namespace {

std::string without_comment(std::string_view line) {
  return std::string(line.substr(0, line.find("//")));
}

// st["scale"] = x stores to st: its fields are parts of one variable.
std::string without_fields(const std::string& target) {
  return target.substr(0, target.find("[\""));
}

std::vector<std::string> split_targets(const std::string& list) {
  static const std::regex target(R"(\s*([^,]*[^,\s])\s*)");
  std::vector<std::string> targets;
  for (std::sregex_iterator at(list.begin(), list.end(), target), end; at != end; ++at) {
    targets.push_back(without_fields((*at)[1]));
  }
  return targets;
}

const std::regex& together() {
  static const std::regex pattern(R"(\b(?:tie\(([^()]*)\)\s*=[^=]|swap\(([^()]*)\)))");
  return pattern;
}

// What a trace's graph holds now, by what was known of it while it was traced: an op or a value
// that is gone is not found.
class Survivors {
 public:
  explicit Survivors(const Region& body) : origins_(box_origins(body)) { walk(body); }
  // The box.new or cell.new behind a box.
  Value* origin(const Value* box) const {
    const auto found = origins_.find(box);
    return found == origins_.end() ? nullptr : found->second;
  }
  Op* store(const Op* op) const {
    const auto found = stores_.find(op);
    return found == stores_.end() ? nullptr : found->second;
  }
  // The value, if it is still the result of a loop or branch.
  Value* flow_result(const Value* value) const {
    const auto found = flows_.find(value);
    return found == flows_.end() ? nullptr : found->second;
  }
  const std::vector<Op*>& cells() const { return cells_; }
  // Arguments of bodies are called what they stand for.
  void name_arguments() const {
    for (Value* arg : args_) {
      const Value* box = origin(arg);
      if (box != nullptr && arg->name.empty()) arg->name = box->name;
    }
  }

 private:
  void walk(const Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive == &cell_new_p) cells_.push_back(op.get());
      if (op->primitive == &box_store_p) stores_[op.get()] = op.get();
      for (const auto& inner : op->regions) {
        for (const auto& arg : inner->args) args_.push_back(arg.get());
        walk(*inner);
      }
      if (op->regions.empty()) continue;
      for (const auto& result : op->results) flows_[result.get()] = result.get();
    }
  }

  BoxOrigins origins_;
  std::unordered_map<const Value*, Value*> flows_;
  std::unordered_map<const Op*, Op*> stores_;
  std::vector<Op*> cells_;
  std::vector<Value*> args_;
};

// Which of a line's targets its store number i is to; empty where that is not certain. A line of
// one target, or of targets that are always assigned together, may run more than once.
std::string target_of(const std::vector<std::string>& targets, std::size_t i, std::size_t stores,
                      bool together) {
  if (targets.empty()) return {};
  const bool repeats = targets.size() == 1 || together;
  if (repeats ? stores % targets.size() != 0 : stores != targets.size()) return {};
  return targets[i % targets.size()];
}

// A line that declares one cell says its name.
void name_cells(const Survivors& graph) {
  static const std::regex declared(R"(\bCell\s+([A-Za-z_]\w*)\s*[({=])");
  std::map<std::pair<std::string, int>, int> cells_on;
  for (const Op* cell : graph.cells()) ++cells_on[{cell->where.file, cell->where.line}];
  for (Op* cell : graph.cells()) {
    if (cells_on[{cell->where.file, cell->where.line}] > 1) continue;
    const std::string line = without_comment(source_text(cell->where));
    std::smatch found;
    if (cell->result()->name.empty() && std::regex_search(line, found, declared)) {
      cell->result()->name = found[1];
    }
  }
}

}  // namespace

std::vector<std::string> assigned_on(std::string_view line) {
  const std::string text = without_comment(line);
  if (std::smatch found; std::regex_search(text, found, together())) {
    return split_targets(found[1].matched ? found[1] : found[2]);
  }
  static const std::regex assignment(
      R"(([\w\]>]\s+|[*&]\s*)?([A-Za-z_]\w*(?:(?:\.|->)\w+|\[[^\]]*\])*)\s*[-+*/]?=(?![=]))");
  std::vector<std::string> targets;
  for (std::sregex_iterator at(text.begin(), text.end(), assignment), end; at != end; ++at) {
    if (!(*at)[1].matched) targets.push_back(without_fields((*at)[2]));
  }
  return targets;
}

std::string declared_on(const SourceLine& where) {
  static const std::regex declaration(R"(\b(?:Var|State|Params)\s+([A-Za-z_]\w*)\s*[;={(](.*))");
  const std::string text = without_comment(source_text(where));
  std::smatch found;
  if (!std::regex_search(text, found, declaration)) return {};
  int depth = 0;
  for (const char c : found[2].str()) {
    depth += c == '(' || c == '{' || c == '[';
    depth -= c == ')' || c == '}' || c == ']';
    if (c == ',' && depth <= 0) return {};  // more than one
  }
  return found[1];
}

}  // namespace tracing

void locate_stores(const Traced& traced) {
  number_boxes(traced);
  const tracing::Survivors graph(traced.graph->body);
  std::map<std::pair<std::string, int>, std::vector<const tracing::StoreSite*>> lines;
  for (const tracing::StoreSite& site : traced.stores) {
    const SourceLine where = tracing::first_user_line(site.addresses);
    if (where.known()) lines[{where.file, where.line}].push_back(&site);
  }
  for (const auto& [line, stores] : lines) {
    const SourceLine where{line.first, line.second};
    const std::string text = source_text(where);
    const std::vector<std::string> targets = tracing::assigned_on(text);
    const bool together = std::regex_search(text, tracing::together());
    for (std::size_t i = 0; i < stores.size(); ++i) {
      Value* variable = graph.flow_result(stores[i]->value);
      if (Op* op = graph.store(stores[i]->op)) {
        op->where = {where.file, where.line, op->where.layer};
        variable = graph.origin(op->operands[0]);
      }
      if (variable != nullptr && variable->name.empty()) {
        variable->name = tracing::target_of(targets, i, stores.size(), together);
      }
    }
  }
  tracing::name_cells(graph);
  graph.name_arguments();
}

}  // namespace nodec
