// From the outline of a program to boxes and arrows.
#include "tools/nodec/picture.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/print.h"
#include "ir/report.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "tools/nodec/outline.h"
#include "tools/nodec/picture_texts.h"
#include "tools/nodec/types_table.h"

namespace nodec {
namespace {

constexpr int kNowhere = -1;

std::string_view look_of(const Op& op) {
  switch (op.primitive->form) {
    case Form::Contract:
      return "contract";
    case Form::Reduce:
      return "reduce";
    case Form::View:
    case Form::Join:
    case Form::Gather:
      return "move";
    case Form::State:
    case Form::Tape:
    case Form::Effect:
      return "state";
    case Form::Generate:
      return "make";
    default:
      return "plain";
  }
}

class Drawer {
 public:
  Drawer(const Graph& graph, const Inference& inference, std::span<const Finding> findings)
      : graph_(graph), inference_(inference), texts_(graph) {
    mark_findings(graph.body, findings);
  }

  Picture run() {
    const OutlineGroup program = outline(graph_);
    const int root = add_group(kNowhere, "program", program);
    inputs(root);
    draw(program, root);
    results(root);
    return std::move(picture_);
  }

 private:
  // Boxes that a finding is about, and what stores to them and loads from them.
  void mark_findings(const Region& region, std::span<const Finding> findings) {
    for (const auto& op : region.ops) {
      for (const Finding& f : findings) {
        const bool declared = f.declared.known() && op->where == f.declared && makes_box(*op);
        const bool written = std::any_of(f.writes.begin(), f.writes.end(), [&](const Write& write) {
          return write.where.known() && op->where == write.where && stores_box(*op);
        });
        if (declared || written) found_.insert(op.get());
      }
      for (const auto& inner : op->regions) mark_findings(*inner, findings);
    }
  }

  int add(PictureBox box) {
    picture_.boxes.push_back(std::move(box));
    return int(picture_.boxes.size()) - 1;
  }

  int add_group(int parent, const std::string& kind, const OutlineGroup& group) {
    PictureBox box;
    box.parent = parent;
    box.group = true;
    box.kind = kind;
    box.label = group.title;
    box.tip = group.layer;
    return add(std::move(box));
  }

  void arrow(int from, int to) {
    if (from != kNowhere && from != to) picture_.arrows.push_back({from, to});
  }

  std::string type_of(const Value& value) const { return type_seen(inference_, &value).str(); }
  bool is_lost(const Value& value) const {
    return type_seen(inference_, &value).kind() == Type::Kind::Any;
  }

  // Where an arrow for this value starts.
  int source(const Value& value) const {
    if (texts_.is_inline(value)) return kNowhere;
    if (value.op == nullptr) {
      if (const Value* outer = captured(value)) return source(*outer);
      const auto found = args_.find(&value);
      return found == args_.end() ? kNowhere : found->second;
    }
    const auto found = ops_.find(value.op);
    return found == ops_.end() ? kNowhere : found->second;
  }

  void inputs(int root) {
    for (const auto& arg : graph_.body.args) {
      if (!texts_.is_inline(*arg)) argument(*arg, root, "input");
    }
  }

  int argument(const Value& arg, int parent, const char* kind) {
    PictureBox box;
    box.parent = parent;
    box.kind = kind;
    box.label = texts_.of(arg);
    box.type = type_of(arg);
    box.tip = fmt::format("{}: {}", box.label, box.type);
    box.lost = is_lost(arg);
    return args_[&arg] = add(std::move(box));
  }

  void results(int root) {
    for (std::size_t i = 0; i < graph_.body.results.size(); ++i) {
      const Value& value = *graph_.body.results[i];
      const bool aliased = i < graph_.aliases.size() && graph_.aliases[i] >= 0;
      if (aliased || texts_.is_inline(value)) continue;
      const bool named = i < graph_.result_names.size() && !graph_.result_names[i].empty();
      leaves(value, root, named ? graph_.result_names[i] : fmt::format("result {}", i + 1));
    }
  }

  void leaves(const Value& value, int parent, const std::string& label) {
    PictureBox box;
    box.parent = parent;
    box.kind = "output";
    box.label = label;
    box.type = type_of(value);
    box.tip = fmt::format("{}: {}", label, box.type);
    box.lost = is_lost(value);
    arrow(source(value), add(std::move(box)));
  }

  // A long run of ops without a layer is a group, so that it can be shut.
  void draw(const OutlineGroup& group, int parent) {
    int holder = parent;   // of the bodies that follow an op
    std::size_t left = 0;  // of a run
    int run = parent;
    for (std::size_t i = 0; i < group.items.size(); ++i) {
      const Item& item = group.items[i];
      if (item.op != nullptr) {
        if (left == 0) run = start_run(group, i, parent, left);
        --left;
        ++picture_.ops;
        holder = op(*item.op, group, run);
      } else if (item.group->kind == OutlineGroup::Kind::Layer) {
        draw(*item.group, add_group(parent, "layer", *item.group));
      } else {
        body(*item.group, holder);
      }
    }
  }

  int start_run(const OutlineGroup& group, std::size_t first, int parent, std::size_t& left) {
    constexpr std::size_t kLongRun = 60;
    std::size_t end = first;
    while (end < group.items.size() && group.items[end].op != nullptr &&
           group.items[end].op->regions.empty()) {
      ++end;
    }
    left = std::max<std::size_t>(end - first, 1);
    if (left < kLongRun || left == group.items.size()) return parent;
    PictureBox box;
    box.parent = parent;
    box.group = true;
    box.kind = "layer";
    box.label = fmt::format("{} ops in a row", left);
    return add(std::move(box));
  }

  // An op's box, or the group that holds its bodies.
  int op(const Op& op, const OutlineGroup& group, int parent) {
    if (!op.results.empty() && texts_.is_inline(*op.result())) return parent;
    PictureBox box;
    box.parent = parent;
    box.group = !op.regions.empty();
    box.kind = box.group ? "body" : look_of(op);
    box.label = texts_.label(op, group);
    if (!op.results.empty()) box.type = type_of(*op.result());
    box.tip = PictureTexts::tip(op);
    box.finding = found_.contains(&op);
    box.lost = std::any_of(op.results.begin(), op.results.end(),
                           [&](const auto& result) { return is_lost(*result); });
    const int at = add(std::move(box));
    ops_[&op] = at;
    arrows_into(op, at);
    return at;
  }

  // What a body takes from outside enters at its uses there.
  void arrows_into(const Op& op, int at) {
    std::unordered_set<int> from;
    std::unordered_set<std::size_t> inside;
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      const Flow f = flow(op, r);
      for (const int operand : f.enters) inside.insert(std::size_t(operand));
    }
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      const int start = inside.contains(i) ? kNowhere : source(*op.operands[i]);
      if (from.insert(start).second) arrow(start, at);
    }
  }

  void body(const OutlineGroup& group, int holder) {
    int inside = holder;
    if (group.owner->regions.size() > 1) {
      inside = add_group(holder, "body", group);
      picture_.boxes[std::size_t(inside)].label = region_label(*group.owner, group.which);
    }
    const Flow f = flow(*group.owner, group.which);
    for (std::size_t i = 0; i < group.region->args.size(); ++i) {
      const Value& arg = *group.region->arg(i);
      if (captured(arg) != nullptr || !is_used(*group.region, arg)) continue;
      const int at = argument(arg, inside, "argument");
      const auto operand = f.known ? std::size_t(f.enters[i]) : group.owner->operands.size();
      if (operand < group.owner->operands.size()) {
        arrow(source(*group.owner->operands[operand]), at);
      }
    }
    draw(group, inside);
    for (std::size_t i = 0; i < group.region->results.size(); ++i) {
      const Value& value = *group.region->results[i];
      if (!texts_.is_inline(value)) leaves(value, inside, texts_.yield_label(group, f, i));
    }
  }

  static bool is_used(const Region& region, const Value& arg) {
    for (const auto& op : region.ops) {
      if (std::find(op->operands.begin(), op->operands.end(), &arg) != op->operands.end()) {
        return true;
      }
    }
    return std::find(region.results.begin(), region.results.end(), &arg) != region.results.end();
  }

  const Graph& graph_;
  const Inference& inference_;
  PictureTexts texts_;
  Picture picture_;
  std::unordered_set<const Op*> found_;
  std::unordered_map<const Op*, int> ops_;
  std::unordered_map<const Value*, int> args_;
};

}  // namespace

Picture picture(const Graph& graph, const Inference& inference, std::span<const Finding> findings,
                std::string_view model, std::string_view stage) {
  Picture drawn = Drawer(graph, inference, findings).run();
  drawn.model = model;
  drawn.stage = stage;
  drawn.program = graph.name + (graph.batch.empty() ? "" : ", batch " + graph.batch);
  for (const Finding& f : findings) drawn.findings.push_back(report(f, {}));
  return drawn;
}

}  // namespace nodec
