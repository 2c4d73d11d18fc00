// Return addresses to lines, and lines to names.
#include "compiler/trace/locate.h"

#include <map>
#include <regex>
#include <tuple>
#include <unordered_map>

#include "compiler/trace/call_stack.h"
#include "compiler/trace/statement.h"
#include "ir/lasting.h"
#include "ir/report.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace tracing {
namespace {

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
  Op* box(const Op* op) const {
    const auto found = boxes_.find(op);
    return found == boxes_.end() ? nullptr : found->second;
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
      if (makes_box(*op)) boxes_[op.get()] = op.get();
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
  std::unordered_map<const Op*, Op*> boxes_, stores_;
  std::vector<Op*> cells_;
  std::vector<Value*> args_;
};

// Which of a statement's targets its store number i is to; empty where that is not certain. A
// statement whose targets are always assigned together may run more than once.
std::string target_of(const Assigned& assigned, std::size_t i, std::size_t stores) {
  const std::vector<std::string>& targets = assigned.targets;
  if (targets.empty()) return {};
  if (assigned.together ? stores % targets.size() != 0 : stores != targets.size()) return {};
  return targets[i % targets.size()];
}

// A line that declares one cell says its name.
void name_cells(const Survivors& graph) {
  static const auto& declared = lasting<std::regex>(R"(\bCell\s+([A-Za-z_]\w*)\s*[({=])");
  std::map<std::pair<std::string, int>, int> cells_on;
  for (const Op* cell : graph.cells()) ++cells_on[{cell->where.file, cell->where.line}];
  for (Op* cell : graph.cells()) {
    if (cells_on[{cell->where.file, cell->where.line}] > 1) continue;
    const std::string text = source_text(cell->where), line = text.substr(0, text.find("//"));
    std::smatch found;
    if (cell->result()->name.empty() && std::regex_search(line, found, declared)) {
      cell->result()->name = found[1];
    }
  }
}

// A store, the line that the line tables give it, and what it is to, as far as that is certain.
struct Located {
  const StoreSite* site = nullptr;
  SourceLine where;
  std::string target = {};
};

std::vector<Located> locate(const Traced& traced) {
  std::vector<Located> stores;
  // By their statement, in the order in which they happened.
  std::map<std::tuple<std::string, int, std::string>, std::vector<std::size_t>> statements;
  for (const StoreSite& site : traced.stores) {
    const SourceLine where = first_user_line(site.addresses);
    stores.push_back({&site, where});
    if (!where.known()) continue;
    const Statement statement = statement_at(where);
    statements[{where.file, statement.first, statement.text}].push_back(stores.size() - 1);
  }
  for (const auto& [statement, all] : statements) {
    const Assigned assigned = assigned_on(std::get<2>(statement));
    for (std::size_t i = 0; i < all.size(); ++i) {
      Located& store = stores[all[i]];
      store.target = target_of(assigned, i, all.size());
      if (store.target.empty()) continue;
      store.where.line = line_of_target(statement_at(store.where), store.target, store.where);
    }
  }
  return stores;
}

void place_ops(const std::vector<Located>& stores, const Survivors& graph) {
  std::map<Op*, std::vector<SourceLine>> lines;
  for (const auto& [site, where, target] : stores) {
    if (!where.known()) continue;
    for (const Op* stored : site->ops) {
      if (Op* op = graph.store(stored)) {
        lines[op].push_back({where.file, where.line, op->where.layer});
      }
    }
  }
  for (const auto& [op, written] : lines) set_written(*op, written);
}

// What a store's variable is in the graph: boxes, and results of loops and branches.
std::vector<Value*> variables_of(const StoreSite& site, const Survivors& graph) {
  std::vector<Value*> variables;
  for (const Op* stored : site.ops) {
    const Op* op = graph.store(stored);
    if (op != nullptr) variables.push_back(graph.origin(op->operands[0]));
  }
  for (const auto& left : site.values) variables.push_back(graph.flow_result(left.value));
  std::erase(variables, nullptr);
  return variables;
}

void name_variables(const std::vector<Located>& stores, const Survivors& graph) {
  for (const auto& [site, where, target] : stores) {
    if (!where.known()) continue;
    const std::string name = target.empty() ? declared_on(site->declared, site->is_copy) : target;
    for (Value* variable : variables_of(*site, graph)) {
      if (variable->name.empty()) variable->name = name;
    }
  }
}

// A container's copy has the line that made the container do it.
void declare_copies(const Traced& traced, const Survivors& graph) {
  for (const BoxSite& site : traced.boxes) {
    Op* op = graph.box(site.op);
    const SourceLine where = op != nullptr ? first_user_line(site.copied) : SourceLine{};
    if (where.known()) op->where = {where.file, where.line, op->where.layer};
  }
}

// A loop or branch that does not keep its types says where their variables are declared and
// assigned, which nothing else in the graph tells.
void declare_open(const std::vector<Located>& stores, const Survivors& graph) {
  for (const auto& [site, where, target] : stores) {
    for (const auto& [made, body] : site->values) {
      const Value* value = graph.flow_result(made);
      if (value == nullptr || !value->op->attrs.has("open")) continue;
      const auto result = std::size_t(value->index);
      if (site->declared.known()) set_declared(*value->op, result, site->declared);
      if (!where.known()) continue;
      set_written(*value->op, result, body, {where.file, where.line, value->op->where.layer});
    }
  }
}

}  // namespace

}  // namespace tracing

void locate_stores(const Traced& traced) {
  using namespace tracing;
  const Survivors graph(traced.graph->body);
  declare_copies(traced, graph);
  number_boxes(traced);
  const std::vector<Located> stores = locate(traced);
  place_ops(stores, graph);
  name_variables(stores, graph);
  declare_open(stores, graph);
  name_cells(graph);
  graph.name_arguments();
}

}  // namespace nodec
