// Entry of the lowering: ports, schedule, results, and the signature.
#include "compiler/lower/lower.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"
#include "compiler/lower/own_ops.h"
#include "compiler/lower/parts_of_batch.h"
#include "compiler/lower/trim.h"

namespace nodec {

plan::Plan lower(const Graph& graph, std::int64_t longest_function) {
  return lowering::Lowering(graph).run(longest_function);
}

namespace lowering {

using plan::Buffer;
using plan::Ref;

namespace {

void note_symbols(const Shape& shape, std::set<std::string>& symbols) {
  for (const Dim& d : shape) {
    for (const std::string& symbol : d.symbols()) symbols.insert(symbol);
  }
}

// Of results and attributes: a program may use a size that no port shows.
void note_symbols(const Region& region, std::set<std::string>& symbols) {
  for (const auto& op : region.ops) {
    for (const auto& result : op->results) {
      if (result->type.is_tensor()) note_symbols(result->type.shape(), symbols);
    }
    for (const auto& [name, value] : op->attrs.items()) {
      if (const Shape* shape = std::get_if<Shape>(&value)) note_symbols(*shape, symbols);
    }
    for (const auto& inner : op->regions) note_symbols(*inner, symbols);
  }
}

void note_table(const Op& op, std::vector<PickedTable>& tables) {
  const bool reads = op.primitive == &gather_p;
  if (!reads && op.primitive != &scatter_add_p) return;
  const Value& table = reads ? *op.operands[0] : *op.result();
  const Value& picked = reads ? *op.result() : *op.operands[1];
  if (table.type.shape()[0].is_constant()) return;  // the op's type says that there are rows
  tables.push_back(
      {std::string(op.name()), table.name, table.type, element_count(picked.type.shape())});
}

void note_tables(const Region& region, std::vector<PickedTable>& tables) {
  for (const auto& op : region.ops) {
    note_table(*op, tables);
    for (const auto& inner : op->regions) note_tables(*inner, tables);
  }
}

// Once each; types answer for what has numbers alone.
void note_part(const Op& op, std::vector<SizedPart>& parts) {
  const std::optional<SizedPart> part = sized_part(op);
  if (!part) return;
  const Dim left = part->type.shape()[std::size_t(part->axis)] - part->start - part->size;
  if (part->size.is_constant() && left.is_constant()) return;
  if (std::find(parts.begin(), parts.end(), *part) == parts.end()) parts.push_back(*part);
}

void note_parts(const Region& region, std::vector<SizedPart>& parts) {
  for (const auto& op : region.ops) {
    note_part(*op, parts);
    for (const auto& inner : op->regions) note_parts(*inner, parts);
  }
}

// What may stop the program.
void note_sites(const Region& region, std::vector<Site>& sites) {
  for (const auto& op : region.ops) {
    for (const auto& inner : op->regions) note_sites(*inner, sites);
    const auto number = op->attrs.get_or<std::int64_t>("site", -1);
    if (number < 0) continue;
    if (sites.size() <= std::size_t(number)) sites.resize(std::size_t(number) + 1);
    Site& site = sites[std::size_t(number)];
    if (!site.where.known()) site.where = op->where;
    if (site.states.empty()) site.states = op->attrs.get_or<std::string>("states", "");
    if (site.op.empty()) site.op = op->attrs.get_or<std::string>("op", "");
  }
}

// The program's name as debuggers and profilers show it; its end keeps it apart from what the
// program calls.
std::string entry_symbol(const std::string& program) {
  std::string symbol = program.empty() ? "program" : program;
  for (char& c : symbol) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9')) c = '_';
  }
  if (symbol[0] >= '0' && symbol[0] <= '9') symbol = "_" + symbol;
  return symbol + "_entry";
}

}  // namespace

Lowering::Lowering(const Graph& graph) : graph_(graph), sums_(graph) {}

void Lowering::declare_ports() {
  Signature& s = plan_.signature;
  s.entry = entry_symbol(graph_.name);
  s.name = graph_.name;
  std::set<std::string> symbols;
  const auto port = [&](Buffer::Space space, const Value* v, const std::string& name, int alias) {
    if (!v->type.is_tensor()) {
      throw Error(fmt::format("'{}' has type {}; a compiled program takes and gives tensors", name,
                              v->type.str()));
    }
    if (v->type.device() != kHost) {
      throw Error(
          fmt::format("'{}' is {}; this program is compiled for the host", name, v->type.str()), {},
          "leave its placement out, and move it inside the program");
    }
    note_symbols(v->type.shape(), symbols);
    Buffer b;
    b.name = name;
    b.space = space;
    b.dtype = v->type.dtype();
    b.count = element_count(v->type.shape());
    b.index = static_cast<int>(s.inputs.size() + s.outputs.size());
    new_buffer(std::move(b));
    (space == Buffer::Space::Input ? s.inputs : s.outputs).push_back({name, v->type, alias});
  };
  for (const auto& arg : graph_.body.args) {
    const std::string name = arg->name.empty() ? fmt::format("input_{}", arg->index) : arg->name;
    port(Buffer::Space::Input, arg.get(), name, -1);
  }
  for (std::size_t i = 0; i < graph_.body.results.size(); ++i) {
    const bool named = i < graph_.result_names.size() && !graph_.result_names[i].empty();
    const std::string name = named ? graph_.result_names[i] : fmt::format("result_{}", i);
    port(Buffer::Space::Output, graph_.body.results[i], name,
         i < graph_.aliases.size() ? graph_.aliases[i] : -1);
  }
  note_symbols(graph_.body, symbols);
  note_tables(graph_.body, s.tables);
  note_parts(graph_.body, s.parts);
  note_sites(graph_.body, s.sites);
  if (symbols.count(graph_.batch)) s.batch = graph_.batch;
  s.symbols.assign(symbols.begin(), symbols.end());
  for (const std::string_view derived : {kBlocksSymbol, kChunksSymbol, kThreadsSymbol}) {
    s.symbols.emplace_back(derived);
  }
}

// Whether every reader of `input` works before, or in the making of, `result`.
bool Lowering::may_overwrite(const Value* result, const Value* input) {
  std::set<const Op*> ancestors;
  std::vector<const Op*> stack{result->op};
  while (!stack.empty()) {
    const Op* op = stack.back();
    stack.pop_back();
    if (!ancestors.insert(op).second) continue;
    for (const Value* x : op->operands) {
      if (x->op) stack.push_back(x->op);
    }
  }
  for (const auto& op : graph_.body.ops) {
    if (ancestors.count(op.get()) || op->primitive->form == Form::View) continue;
    for (const Value* x : op->operands) {
      if (x->type.is_tensor() && resolve(x).base == input) return false;
    }
  }
  return std::none_of(graph_.body.results.begin(), graph_.body.results.end(),
                      [&](const Value* r) { return r != result && resolve(r).base == input; });
}

// A result without a batch is made in its port where nothing stands against it.
void Lowering::place_outputs() {
  const int inputs = static_cast<int>(plan_.signature.inputs.size());
  for (std::size_t i = 0; i < graph_.body.results.size(); ++i) {
    const Value* v = graph_.body.results[i];
    if (!v->op || v->type.is_scalar() || varying(v) || !v->op->regions.empty()) continue;
    const View view = resolve(v);
    if (view.base != v || v->op->primitive == &constant_p || buffer_.count(v)) continue;
    const int alias = plan_.signature.outputs[i].alias;
    if (alias >= 0 && (v->op->primitive->form != Form::Elementwise ||
                       !may_overwrite(v, graph_.body.arg(static_cast<std::size_t>(alias))))) {
      continue;
    }
    buffer_[v] = inputs + static_cast<int>(i);
  }
}

void Lowering::store_results(plan::Nodes& nodes) {
  TileList list;
  list.segment = next_segment_++;
  const int inputs = static_cast<int>(plan_.signature.inputs.size());
  for (std::size_t i = 0; i < graph_.body.results.size(); ++i) {
    const Value* v = graph_.body.results[i];
    const int port = inputs + static_cast<int>(i);
    if (v->type.is_scalar()) {
      const int id = scalar_of(v, nodes);
      nodes.push_back({plan::StoreScalar{id, Ref{port, -1, {}, 0}}});
    } else if (varying(v)) {
      add_transfer(list, v, port, false);
    } else if (const auto found = buffer_.find(v);
               found == buffer_.end() || found->second != port) {
      segment_ = list.segment;
      nodes.push_back({dense_copy(v, ref_to(port, v))});
    }
  }
  if (list.kernels.empty()) return;
  plan::Phase phase;
  phase.body.push_back({plan::Tiles{std::move(list.kernels)}});
  nodes.push_back({std::move(phase)});
}

plan::Plan Lowering::run(std::int64_t longest_function) {
  plan_.name = graph_.name;
  declare_ports();
  for (std::size_t i = 0; i < graph_.body.args.size(); ++i) {
    const Value* arg = graph_.body.arg(i);
    if (varying(arg)) continue;
    buffer_[arg] = static_cast<int>(i);
    available_.insert(arg);
  }
  place_outputs();
  plan::Nodes body = schedule(graph_.body, Scope::Team);
  store_results(body);
  if (!prologue_.empty()) {
    plan_.body.push_back({plan::Scalars{std::move(prologue_), std::move(prologue_results_)}});
  }
  for (plan::Node& node : body) plan_.body.push_back(std::move(node));
  trim_plan(plan_, kept_, longest_function);
  own_ops(plan_);
  return std::move(plan_);
}

}  // namespace lowering
}  // namespace nodec
