// The table of types. What repeats is left out: a type equal to the one above is a ditto mark, a
// body's captured arguments are counted, and a run of ops that comes again right behind itself
// (an optimiser's update of every parameter) is shown once and the repeats as one line.
#include "tools/nodec/types_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/paint.h"
#include "ir/primitive.h"
#include "ir/text.h"
#include "kernels/flow.h"
#include "tools/nodec/labels.h"
#include "tools/nodec/outline.h"
#include "tools/nodec/port_table.h"

namespace nodec {
namespace {

constexpr std::size_t kTypeColumn = 52;
constexpr std::size_t kNameColumn = 26;

Type looked_up(const std::unordered_map<const Value*, Type>& types, const Value* value) {
  const auto found = types.find(value);
  return found == types.end() ? value->type : found->second;
}

class Table {
 public:
  Table(const Graph& graph, const Inference& inference, const TableStyle& style)
      : graph_(graph), inference_(inference), style_(style), paint_(style.colour), labels_(graph) {}

  std::string run() {
    const OutlineGroup program = outline(graph_);
    out_ = paint_.bold(graph_.name.empty() ? "program" : printable(graph_.name));
    if (!graph_.batch.empty()) out_ += ", batch " + graph_.batch;
    out_ += fmt::format(": {}, {}, {}\n", count_of(op_total(program), "op"),
                        count_of(graph_.body.args.size(), "input"),
                        count_of(graph_.body.results.size(), "result"));
    if (!style_.summary) inputs();
    items(program, 1);
    if (!style_.summary) results();
    return std::move(out_);
  }

 private:
  void line(int depth, const std::string& text) {
    out_ += std::string(std::size_t(2 * depth), ' ') + text + "\n";
  }

  std::string type_text(const Value* value) const { return type_text(value, paint_); }

  std::string type_text(const Value* value, const Paint& paint) const {
    const Type seen = type_seen(inference_, value), proven = type_proven(inference_, value);
    if (seen == proven || !style_.prove) return coloured(seen, paint);
    return fmt::format("{} {}", coloured(seen, paint), paint.dim("(proven " + proven.str() + ")"));
  }

  static std::string coloured(const Type& type, const Paint& paint) {
    const std::string text = type.str();
    if (type.kind() == Type::Kind::Any) return paint.red(text);
    return type.kind() == Type::Kind::Box ? paint.yellow(text) : text;
  }

  void ports(const std::string& title, const std::vector<NamedType>& list) {
    if (list.empty()) return;
    line(1, paint_.bold(title));
    for (const PortLine& port : port_lines(list)) {
      if (port.prefix.empty()) {
        line(2, port.text);
      } else {
        line(2, fmt::format("{:<{}} {}", port.prefix, kNameColumn, port.text));
      }
    }
  }

  void inputs() {
    std::vector<NamedType> list;
    for (const auto& arg : graph_.body.args) list.push_back({labels_.of(*arg), plain(arg.get())});
    ports("inputs", list);
  }

  void results() {
    std::vector<NamedType> own, over;
    for (std::size_t i = 0; i < graph_.body.results.size(); ++i) {
      const Value* value = graph_.body.results[i];
      const bool named = i < graph_.result_names.size() && !graph_.result_names[i].empty();
      const bool aliased = i < graph_.aliases.size() && graph_.aliases[i] >= 0;
      (aliased ? over : own)
          .push_back({named ? graph_.result_names[i] : labels_.of(*value), plain(value)});
    }
    ports("results", own);
    if (over.empty()) return;
    line(1, paint_.bold("written over their inputs") +
                fmt::format(": {}, from {} to {}", count_of(over.size(), "input"),
                            over.front().name, over.back().name));
  }

  // Without colour, since ports of one type are found by their text.
  std::string plain(const Value* value) const { return type_text(value, Paint(false)); }

  void items(const OutlineGroup& group, int depth) {
    std::vector<const Op*> run;
    const auto flush = [&] {
      if (!style_.summary) rows(run, group, depth);
      run.clear();
    };
    for (const Item& item : group.items) {
      if (item.op != nullptr) {
        if (!is_plain_constant(*item.op)) run.push_back(item.op);
        continue;
      }
      flush();
      heading(*item.group, depth);
      items(*item.group, depth + 1);
    }
    flush();
  }

  void heading(const OutlineGroup& group, int depth) {
    const char* const body = group.kind == OutlineGroup::Kind::Body ? "body of " : "";
    std::string text = paint_.dim(body) + paint_.bold(group.title);
    if (style_.summary) {
      constexpr std::size_t kCountColumn = 40;
      const std::size_t used =
          std::size_t(2 * depth) + std::string_view(body).size() + group.title.size();
      text += fmt::format("{}{:>5} ops   {}",
                          std::string(used < kCountColumn ? kCountColumn - used : 1, ' '),
                          op_total(group), what_leaves(group));
    }
    line(depth, text);
    if (group.region != nullptr && !style_.summary) arguments(group, depth + 1);
  }

  // The type that a layer or body ends with.
  std::string what_leaves(const OutlineGroup& group) const {
    if (group.region != nullptr) {
      return group.region->results.empty() ? "" : type_text(group.region->results.front());
    }
    const Op* last = nullptr;
    for (const Item& item : group.items) {
      if (item.op != nullptr && !item.op->results.empty()) last = item.op;
    }
    return last == nullptr ? "" : type_text(last->result());
  }

  // Arguments of its own; what it captures is outside under the same name.
  void arguments(const OutlineGroup& body, int depth) {
    std::vector<NamedType> own;
    std::size_t captured = 0;
    for (std::size_t i = 0; i < body.region->args.size(); ++i) {
      const Value* arg = body.region->arg(i);
      if (is_capture(*arg)) {
        ++captured;
      } else {
        own.push_back({labels_.of(*arg, body.layer), plain(arg)});
      }
    }
    for (const PortLine& port : port_lines(own)) {
      line(depth,
           paint_.dim("given ") + (port.prefix.empty() ? "" : port.prefix + ".") + port.text);
    }
    if (captured > 0) line(depth, paint_.dim(fmt::format("and {} from outside", captured)));
  }

  // What a body takes from outside under the name that it has there needs no line.
  static bool is_capture(const Value& arg) {
    const Value* outside = captured(arg);
    return outside != nullptr && !arg.name.empty() && arg.name == outside->name &&
           arg.type == outside->type;
  }

  void rows(const std::vector<const Op*>& ops, const OutlineGroup& group, int depth) {
    std::string above;
    for (std::size_t i = 0; i < ops.size();) {
      const auto [period, times] = repeats(ops, i);
      const std::size_t shown = std::max<std::size_t>(period, 1);
      for (std::size_t k = 0; k < shown; ++k) row(*ops[i + k], group, depth, above);
      i += shown * std::max<std::size_t>(times, 1);
      if (times < 2) continue;
      line(depth,
           paint_.dim(period == 1
                          ? fmt::format("   and {} more", count_of(times - 1, "op"))
                          : fmt::format("   and these {} ops {} more", period,
                                        times == 2 ? "once" : fmt::format("{} times", times - 1))) +
               paint_.dim(", for other values"));
      above.clear();
    }
  }

  // The longest stretch from here that one run of ops covers by coming again and again.
  static std::pair<std::size_t, std::size_t> repeats(const std::vector<const Op*>& ops,
                                                     std::size_t from) {
    constexpr std::size_t kLongest = 24, kWorthIt = 8;
    std::pair<std::size_t, std::size_t> best{1, 1};
    for (std::size_t period = 1; period <= kLongest && from + 2 * period <= ops.size(); ++period) {
      std::size_t end = from + period;
      while (end < ops.size() && ops[end]->primitive == ops[end - period]->primitive) ++end;
      const std::size_t times = (end - from) / period;
      const bool covers = period * times > best.first * best.second;
      if (times > 1 && period * (times - 1) >= kWorthIt && covers) best = {period, times};
    }
    return best;
  }

  void row(const Op& op, const OutlineGroup& group, int depth, std::string& above) {
    std::string text;
    for (const auto& result : op.results) {
      if (op.results.size() > 2 && result == op.results[1]) text += " ..";
      if (op.results.size() > 2 && result != op.results.front()) continue;
      text += (text.empty() ? "" : ", ") + labels_.of(*result, group.layer);
    }
    text = fmt::format("{:<5} {}", text, op.name());
    text += operands(op, group);
    const std::string attrs = attrs_label(op);
    if (!attrs.empty()) text += fmt::format(" {{{}}}", attrs);
    const std::string type = result_types(op);
    const std::size_t used = text.size() + std::size_t(2 * depth);
    const std::size_t gap = used + 2 <= kTypeColumn ? kTypeColumn - used : 2;
    const bool same = type == above && !type.empty();
    line(depth,
         text + (type.empty() ? "" : std::string(gap, ' ')) + (same ? paint_.dim("\"") : type));
    above = type;
  }

  // What a body is given is said where the body is shown.
  std::string operands(const Op& op, const OutlineGroup& group) const {
    if (!op.regions.empty()) return "";
    constexpr std::size_t kShown = 4;
    std::string text;
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      if (op.operands.size() > kShown + 1 && i == kShown) {
        return text + fmt::format(", and {} more", op.operands.size() - kShown);
      }
      text += (i == 0 ? " " : ", ") + labels_.of(*op.operands[i], group.layer);
    }
    return text;
  }

  // Runs of one type are counted: "f32[], 3 x i32[]".
  std::string result_types(const Op& op) const {
    constexpr int kShown = 3;
    std::string text;
    int shown = 0;
    for (std::size_t i = 0; i < op.results.size(); ++shown) {
      if (shown == kShown) return text + fmt::format(", and {} more", op.results.size() - i);
      const std::string type = type_text(op.result(i));
      std::size_t end = i + 1;
      while (end < op.results.size() && type_text(op.result(end)) == type) ++end;
      text += text.empty() ? "" : ", ";
      text += end - i == 1 ? type : fmt::format("{} x {}", end - i, type);
      i = end;
    }
    return text;
  }

  const Graph& graph_;
  const Inference& inference_;
  TableStyle style_;
  Paint paint_;
  Labels labels_;
  std::string out_;
};

}  // namespace

Type type_seen(const Inference& inference, const Value* value) {
  return looked_up(inference.seen, value);
}

Type type_proven(const Inference& inference, const Value* value) {
  return looked_up(inference.proven, value);
}

std::string types_table(const Graph& graph, const Inference& inference, const TableStyle& style) {
  return Table(graph, inference, style).run();
}

}  // namespace nodec
