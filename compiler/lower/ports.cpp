// The signature, port by port, and what a program's calls are checked against.
#include "compiler/lower/ports.h"

#include <algorithm>
#include <set>

#include "compiler/lower/parts_of_batch.h"
#include "kernels/catalogue.h"

namespace nodec::lowering {

using plan::Buffer;

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
  if (op.attrs.get_or<bool>("inside", false)) return;  // runs only where there are rows
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

bool may_be_negative(const Dim& size) {
  if (size.is_constant()) return false;
  const Dim::Terms terms = size.terms();
  return std::any_of(terms.begin(), terms.end(), [](const auto& term) { return term.second < 0; });
}

// What the op makes of a size that is none of its operands', axis by axis.
void note_made(const Op& op, std::vector<SizedPart>& parts) {
  if (!op.attrs.has("shape")) return;
  const Value& made = *op.result();
  for (std::size_t axis = 0; axis < made.type.shape().size(); ++axis) {
    const Dim& size = made.type.shape()[axis];
    if (!may_be_negative(size)) continue;
    parts.push_back(
        {std::string(op.name()), made.name, made.type, std::int64_t(axis), 0, size, true});
  }
}

// Types answer for what has numbers alone.
void note_part(const Op& op, std::vector<SizedPart>& parts) {
  const std::optional<SizedPart> part = sized_part(op);
  if (!part) return note_made(op, parts);
  const Dim left = part->type.shape()[std::size_t(part->axis)] - part->start - part->size;
  if (!part->size.is_constant() || !left.is_constant()) parts.push_back(*part);
}

// Each once.
void keep_different(std::vector<SizedPart>& parts) {
  std::vector<SizedPart> kept;
  for (SizedPart& part : parts) {
    if (std::find(kept.begin(), kept.end(), part) == kept.end()) kept.push_back(std::move(part));
  }
  parts = std::move(kept);
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

void check_port(const std::string& name, const Type& type) {
  if (!type.is_tensor()) {
    throw Error(fmt::format("'{}' has type {}; a compiled program takes and gives tensors", name,
                            type.str()),
                {}, "pass tensors in its place: what a tape's frame holds, what a function gives");
  }
  if (type.device() != kHost) {
    throw Error(fmt::format("'{}' is {}; this program is compiled for the host", name, type.str()),
                {}, "leave its placement out, and move it inside the program");
  }
}

// The caller's arrays are row-major.
void check_order(const Views& views, const std::string& name, const Value* v) {
  if (views.varying(v) || views.is_row_major(v)) return;
  throw Error(fmt::format("only the first axis of an input or output without a batch may have a "
                          "symbolic size, got '{}' {}",
                          name, v->type.str()),
              origin(v), "put that axis first, and transpose inside of the program");
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

void declare_ports(Parts& p) {
  Signature& s = p.plan.signature;
  s.entry = entry_symbol(p.graph.name);
  s.name = p.graph.name;
  std::set<std::string> symbols;
  const auto port = [&](Buffer::Space space, const Value* v, const std::string& name, int alias) {
    check_port(name, v->type);
    check_order(p.views, name, v);
    note_symbols(v->type.shape(), symbols);
    Buffer b;
    b.name = name;
    b.space = space;
    b.dtype = v->type.dtype();
    b.count = element_count(v->type.shape());
    b.index = int(s.inputs.size() + s.outputs.size());
    p.homes.new_buffer(std::move(b));
    (space == Buffer::Space::Input ? s.inputs : s.outputs).push_back({name, v->type, alias});
  };
  for (const auto& arg : p.graph.body.args) {
    const std::string name = arg->name.empty() ? fmt::format("input_{}", arg->index) : arg->name;
    port(Buffer::Space::Input, arg.get(), name, -1);
  }
  for (std::size_t i = 0; i < p.graph.body.results.size(); ++i) {
    const bool named = i < p.graph.result_names.size() && !p.graph.result_names[i].empty();
    const std::string name = named ? p.graph.result_names[i] : fmt::format("result_{}", i);
    port(Buffer::Space::Output, p.graph.body.results[i], name,
         i < p.graph.aliases.size() ? p.graph.aliases[i] : -1);
  }
  note_symbols(p.graph.body, symbols);
  note_tables(p.graph.body, s.tables);
  note_parts(p.graph.body, s.parts);
  keep_different(s.parts);
  note_sites(p.graph.body, s.sites);
  if (symbols.contains(p.graph.batch)) s.batch = p.graph.batch;
  s.symbols.assign(symbols.begin(), symbols.end());
  for (const std::string_view derived : {kBlocksSymbol, kChunksSymbol, kThreadsSymbol}) {
    s.symbols.emplace_back(derived);
  }
}

}  // namespace nodec::lowering
