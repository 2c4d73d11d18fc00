// A picture in Graphviz's language, and the SVG its `dot` makes of it.
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <sstream>

#include "ir/error.h"
#include "runtime/command.h"
#include "tools/nodec/picture.h"

namespace nodec {
namespace {

std::string quoted_dot(std::string_view given) {
  const std::string text = printable(given);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string_view fill_of(const PictureBox& box) {
  if (box.kind == "contract") return "#dbeafe";
  if (box.kind == "reduce") return "#dcfce7";
  if (box.kind == "state") return "#fef3c7";
  if (box.kind == "input" || box.kind == "argument" || box.kind == "output") return "#e5e7eb";
  return "#ffffff";
}

class DotWriter {
 public:
  explicit DotWriter(const Picture& picture) : picture_(picture) {
    inside_.resize(picture.boxes.size());
    for (std::size_t i = 1; i < picture.boxes.size(); ++i) {
      inside_[std::size_t(picture.boxes[i].parent)].push_back(i);
    }
  }

  std::string run() {
    out_ = fmt::format(
        "digraph {} {{\n  compound=true; rankdir=TB; nodesep=0.2; ranksep=0.35;\n"
        "  fontname=\"Helvetica\"; labeljust=l;\n"
        "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=10, "
        "height=0.3, margin=\"0.08,0.04\"];\n"
        "  edge [color=\"#64748b\", arrowsize=0.5];\n",
        quoted_dot(picture_.model + " after " + picture_.stage));
    boxes(0, 1);
    for (const PictureArrow& arrow : picture_.arrows) edge(arrow);
    return out_ + "}\n";
  }

 private:
  void boxes(std::size_t group, int depth) {
    const std::string indent(std::size_t(2 * depth), ' ');
    for (const std::size_t i : inside_[group]) {
      const PictureBox& box = picture_.boxes[i];
      if (!box.group) {
        node(i, indent);
        continue;
      }
      out_ += fmt::format("{}subgraph cluster_{} {{ label={}; style=rounded; color=\"{}\";\n",
                          indent, i, quoted_dot(box.label), box.finding ? "#dc2626" : "#94a3b8");
      // Something for arrows to start and end at, should nothing else be in it.
      out_ +=
          fmt::format("{}  n{} [shape=point, style=invis, width=0.01, label=\"\"];\n", indent, i);
      boxes(i, depth + 1);
      out_ += indent + "}\n";
    }
  }

  void node(std::size_t i, const std::string& indent) {
    const PictureBox& box = picture_.boxes[i];
    const std::string label = box.label + (box.type.empty() ? "" : "\n" + box.type);
    out_ +=
        fmt::format("{}n{} [label={}, tooltip={}, fillcolor=\"{}\"{}];\n", indent, i,
                    quoted_dot(label), quoted_dot(box.tip), fill_of(box),
                    box.finding || box.lost ? ", color=\"#dc2626\", fontcolor=\"#b91c1c\"" : "");
  }

  void edge(const PictureArrow& arrow) {
    const auto group = [&](int i) { return picture_.boxes[std::size_t(i)].group; };
    std::string attrs;
    if (group(arrow.from)) attrs += fmt::format("ltail=cluster_{}", arrow.from);
    if (group(arrow.to)) {
      attrs += fmt::format("{}lhead=cluster_{}", attrs.empty() ? "" : ", ", arrow.to);
    }
    out_ += fmt::format("  n{} -> n{}{};\n", arrow.from, arrow.to,
                        attrs.empty() ? "" : " [" + attrs + "]");
  }

  const Picture& picture_;
  std::vector<std::vector<std::size_t>> inside_;
  std::string out_;
};

}  // namespace

std::string picture_dot(const Picture& picture) { return DotWriter(picture).run(); }

std::string picture_svg(const Picture& picture) {
  const WorkFolder folder;
  const std::string source = folder / "picture.dot", drawn = folder / "picture.svg";
  std::ofstream to(source, std::ios::binary);
  if (!(to << picture_dot(picture) << std::flush)) {
    throw Error(fmt::format("cannot write '{}'", source), {},
                "let TMPDIR name a folder that can be written and has room");
  }
  const CommandResult dot =
      run_command(std::array<std::string, 5>{"dot", "-Tsvg", "-o", drawn, source});
  if (dot.status == 127) {
    throw Error("--svg needs Graphviz, whose program 'dot' is not in PATH", {},
                "install it (Debian: graphviz), or use --html, which needs nothing");
  }
  if (dot.status != 0) {
    throw Error(
        fmt::format("Graphviz's dot failed with exit code {}:\n{}", dot.status, dot.output));
  }
  std::ifstream file(drawn, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace nodec
