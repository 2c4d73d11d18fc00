// Layers are found by the lines of the ops: neighbours of one layer make a group. A layer that is
// met again further on (in the reverse sweep) is a group of its own, so that the order of groups is
// the order of the program.
#include "tools/nodec/outline.h"

#include <map>

#include "tools/nodec/labels.h"

namespace nodec {
namespace {

std::vector<std::string> steps_of(std::string_view path) {
  std::vector<std::string> steps;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    steps.emplace_back(path.substr(0, dot));
    path = dot == std::string_view::npos ? "" : path.substr(dot + 1);
  }
  return steps;
}

std::string joined(const std::vector<std::string>& steps, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += (i ? "." : "") + steps[i];
  return path;
}

class Outliner {
 public:
  OutlineGroup body(const Region& region, std::string title, std::string layer) {
    OutlineGroup group;
    group.title = std::move(title);
    group.layer = layer;
    group.region = &region;
    group.owner = region.parent;
    const std::size_t base = steps_of(layer).size();
    std::map<std::string, int> met;
    std::vector<OutlineGroup*> open{&group};  // the body, then the layers around the last op
    for (const auto& op : region.ops) {
      // A number without a layer stands between any two ops of one.
      if (op->where.layer.empty() && is_plain_constant(*op)) {
        add(*open.back(), *op);
        continue;
      }
      std::vector<std::string> steps = steps_of(op->where.layer);
      if (joined(steps, std::min(base, steps.size())) != layer) steps.clear();
      const std::size_t depth = steps.size() > base ? steps.size() - base : 0;
      enter(open, steps, base, depth, met);
      add(*open.back(), *op);
    }
    return group;
  }

 private:
  // Closes the layers that the op is not in, opens those that it is.
  void enter(std::vector<OutlineGroup*>& open, const std::vector<std::string>& steps,
             std::size_t base, std::size_t depth, std::map<std::string, int>& met) {
    std::size_t same = 0;
    while (same < depth && same + 1 < open.size() &&
           open[same + 1]->layer == joined(steps, base + same + 1)) {
      ++same;
    }
    open.resize(same + 1);
    for (std::size_t i = same; i < depth; ++i) {
      auto group = std::make_unique<OutlineGroup>();
      group->kind = OutlineGroup::Kind::Layer;
      group->layer = joined(steps, base + i + 1);
      const int times = ++met[group->layer];
      group->title = times == 1 ? steps[base + i] : fmt::format("{} ({})", steps[base + i], times);
      OutlineGroup* layer = group.get();
      open.back()->items.push_back({nullptr, std::move(group)});
      open.push_back(layer);
    }
  }

  void add(OutlineGroup& group, const Op& op) {
    group.items.push_back({&op, nullptr});
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      std::string title = op_title(op);
      const std::string_view label = region_label(op, r);
      if (!label.empty()) title += fmt::format(" {}", label);
      auto inner = std::make_unique<OutlineGroup>(body(op.region(r), title, op.where.layer));
      inner->which = r;
      group.items.push_back({nullptr, std::move(inner)});
    }
  }
};

}  // namespace

OutlineGroup outline(const Graph& graph) { return Outliner().body(graph.body, graph.name, ""); }

std::size_t op_total(const OutlineGroup& group) {
  std::size_t total = 0;
  for (const Item& item : group.items) total += item.op != nullptr ? 1 : op_total(*item.group);
  return total;
}

}  // namespace nodec
