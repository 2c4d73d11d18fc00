// Grouping of ports. Neighbours of one prefix and one type share a line ("t0, t1, rtol: f32[]");
// groups that repeat the leaves of earlier groups below another root ("adam.m.layer_2" those of
// "layer_2") become one line a root.
#include "tools/nodec/port_table.h"

#include <fmt/format.h>

#include <map>

namespace nodec {
namespace {

struct Leaves {
  std::string prefix, text;
  std::string root;  // "adam.m", where the rest of the prefix is another group's
};

std::vector<Leaves> by_prefix(const std::vector<NamedType>& ports) {
  std::vector<Leaves> groups;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::size_t dot = ports[i].name.rfind('.');
    const std::string prefix = dot == std::string::npos ? "" : ports[i].name.substr(0, dot);
    const std::string leaf = ports[i].name.substr(dot == std::string::npos ? 0 : dot + 1);
    const bool fresh = groups.empty() || groups.back().prefix != prefix;
    if (fresh) groups.push_back({prefix, "", ""});
    std::string& text = groups.back().text;
    const std::string type = ": " + ports[i].type;
    if (!fresh && text.ends_with(type)) text.resize(text.size() - type.size());
    text += (text.empty() ? "" : ", ") + (leaf.empty() ? "_" : leaf) + type;
  }
  return groups;
}

void find_roots(std::vector<Leaves>& groups) {
  std::map<std::pair<std::string, std::string>, bool> known;
  for (Leaves& group : groups) {
    for (std::size_t dot = group.prefix.find('.'); dot != std::string::npos;
         dot = group.prefix.find('.', dot + 1)) {
      if (!known.contains({group.prefix.substr(dot + 1), group.text})) continue;
      group.root = group.prefix.substr(0, dot);
      break;
    }
    if (group.root.empty() && !group.prefix.empty()) known[{group.prefix, group.text}] = true;
  }
}

std::string alike(const std::vector<Leaves>& groups, std::size_t first, std::size_t last) {
  const auto rest = [&](std::size_t i) {
    return groups[i].prefix.substr(groups[i].root.size() + 1);
  };
  return first == last ? fmt::format("as {}", rest(first))
                       : fmt::format("as {} .. {}", rest(first), rest(last));
}

}  // namespace

std::vector<PortLine> port_lines(const std::vector<NamedType>& ports) {
  std::vector<Leaves> groups = by_prefix(ports);
  find_roots(groups);
  std::vector<PortLine> lines;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].root.empty()) {
      lines.push_back({groups[i].prefix, groups[i].text});
      continue;
    }
    const std::size_t first = i;
    while (i + 1 < groups.size() && groups[i + 1].root == groups[first].root) ++i;
    const std::string text = alike(groups, first, i);
    if (!lines.empty() && lines.back().text == text) {
      lines.back().prefix += ", " + groups[i].root;
    } else {
      lines.push_back({groups[i].root, text});
    }
  }
  return lines;
}

}  // namespace nodec
