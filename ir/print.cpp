// Graph to text; the grammar is in graph.h. A graph that is broken in any way still prints (a value
// that its region does not define as %?), since the text is evidence in messages about it.
#include "ir/print.h"

#include <unordered_map>

#include "ir/text.h"

namespace nodec {
namespace {

// The %names of one region's values.
class Names {
 public:
  explicit Names(const Region& region) {
    for (const auto& arg : region.args) add(*arg);
    for (const auto& op : region.ops) {
      for (const auto& result : op->results) add(*result);
    }
  }

  std::string of(const Value* value) const {
    const auto found = names_.find(value);
    return found == names_.end() ? "%?" : found->second;
  }

 private:
  void add(const Value& value) {
    if (value.name.empty()) {
      names_[&value] = fmt::format("%{}", unnamed_++);
      return;
    }
    const int others = met_[value.name]++;
    names_[&value] = "%" + name_text(value.name) + (others == 0 ? "" : fmt::format("#{}", others));
  }

  std::unordered_map<const Value*, std::string> names_;
  std::unordered_map<std::string, int> met_;  // values of a name
  int unnamed_ = 0;
};

template <class Items, class Text>
std::string listed(const Items& items, Text text) {
  std::string all;
  bool first = true;
  for (const auto& item : items) {
    if (!first) all += ", ";
    first = false;
    all += text(item);
  }
  return all;
}

struct AttrText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return exact(value); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(Dtype value) const { return std::string(name(value)); }
  std::string operator()(const std::vector<std::int64_t>& values) const {
    return "[" + listed(values, [](std::int64_t value) { return std::to_string(value); }) + "]";
  }
  std::string operator()(const std::vector<double>& values) const {
    return values.empty() ? "[.]" : "[" + listed(values, exact) + "]";
  }
  std::string operator()(const Shape& dims) const {
    return "<" + listed(dims, [](const Dim& dim) { return dim.str(); }) + ">";
  }
};

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  // `result`: the text of yielded value i, after its %name.
  template <class Extra>
  void region(const Region& region, int depth, Extra extra) {
    const Names names(region);
    arguments(region, names, depth);
    out_ += " {\n";
    for (const auto& op : region.ops) this->op(*op, names, depth + 1);
    indent(depth + 1);
    out_ += "yield";
    for (std::size_t i = 0; i < region.results.size(); ++i) {
      out_ += (i ? ", " : " ") + names.of(region.results[i]) + extra(i, names);
    }
    out_ += "\n";
    indent(depth);
    out_ += "}";
  }
  void region(const Region& region, int depth) {
    this->region(region, depth, [](std::size_t, const Names&) { return std::string(); });
  }

  void op(const Op& op, const Names& names, int depth) {
    indent(depth);
    if (!op.results.empty()) {
      out_ += listed(op.results, [&](const auto& result) { return names.of(result.get()); });
      out_ += " = ";
    }
    out_ += op.name();
    if (!op.operands.empty()) {
      out_ += " " + listed(op.operands, [&](const Value* operand) { return names.of(operand); });
    }
    std::string attrs;
    for (const auto& [name, attr] : op.attrs.items()) {
      if (tells_source(name) && !options_.locations) continue;
      attrs += attrs.empty() ? "" : ", ";
      attrs += name_text(name) + " = " + std::visit(AttrText(), attr);
    }
    if (!attrs.empty()) out_ += " {" + attrs + "}";
    for (const auto& region : op.regions) {
      out_ += " region ";
      this->region(*region, depth);
    }
    if (!op.results.empty()) {
      out_ += " : " + listed(op.results, [](const auto& result) { return result->type.str(); });
    }
    if (options_.locations) {
      out_ += " @ " + (op.where.known() ? quoted(op.where.str()) : "none");
      if (!op.where.layer.empty()) out_ += " in " + name_text(op.where.layer);
    }
    out_ += "\n";
  }

  std::string& text() { return out_; }

 private:
  void indent(int depth) { out_.append(std::size_t(2 * depth), ' '); }

  // On one line where it fits, else one argument a line.
  void arguments(const Region& region, const Names& names, int depth) {
    const auto text = [&](const auto& arg) { return names.of(arg.get()) + ": " + arg->type.str(); };
    const std::string line = listed(region.args, text);
    const std::size_t used = out_.size() - (out_.rfind('\n') + 1);
    if (used + line.size() + 4 <= 100) {
      out_ += "(" + line + ")";
      return;
    }
    out_ += "(\n";
    for (const auto& arg : region.args) {
      indent(depth + 2);
      out_ += text(arg) + (&arg == &region.args.back() ? ")" : ",\n");
    }
  }

  PrintOptions options_;
  std::string out_;
};

}  // namespace

std::string print(const Attr& attr) { return std::visit(AttrText(), attr); }

bool tells_source(std::string_view attribute) {
  return attribute.starts_with("declared_") || attribute.starts_with("written_") ||
         attribute.starts_with("entered_");
}

std::string print(const Graph& graph, const PrintOptions& options) {
  Printer printer(options);
  printer.text() = "graph " + name_text(graph.name) + " ";
  if (!graph.batch.empty()) printer.text() += "batch " + graph.batch + " ";
  printer.region(graph.body, 0, [&](std::size_t i, const Names& names) {
    std::string extra;
    if (i < graph.result_names.size() && !graph.result_names[i].empty()) {
      extra += " as " + name_text(graph.result_names[i]);
    }
    if (i < graph.aliases.size() && graph.aliases[i] >= 0) {
      const auto input = std::size_t(graph.aliases[i]);
      const auto& args = graph.body.args;
      extra += " over " + (input < args.size() ? names.of(args[input].get()) : "%?");
    }
    return extra;
  });
  return printer.text() + "\n";
}

std::string print(const Region& region) {
  Printer printer({});
  printer.region(region, 0);
  return printer.text() + "\n";
}

std::string print(const Op& op) {
  Printer printer({});
  printer.op(op, op.parent ? Names(*op.parent) : Names(Region()), 0);
  return printer.text();
}

}  // namespace nodec
