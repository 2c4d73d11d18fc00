// A program as boxes and arrows, before anybody has decided how they are drawn: what is a box of
// its own, what is written inside another one, which box is inside which.
//
// Numbers, parameters and their broadcasts are written into the boxes of the ops that use them; a
// value captured by a body is the value outside, so its arrow goes straight to the use. What is
// left is the flow of data.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/infer/infer.h"
#include "ir/finding.h"
#include "ir/graph.h"

namespace nodec {

// One box: an op, an argument, a result, or a group of boxes (a layer, a body, an op with bodies).
struct PictureBox {
  int parent = -1;  // the group it is in; -1: the program's own
  bool group = false;
  std::string kind;      // "contract", "input", "layer", "body": how it looks
  std::string label;     // "matmul weight, ."
  std::string type;      // short, below the label
  std::string tip;       // everything, on hover
  bool finding = false;  // part of a finding: red
  bool lost = false;     // its type is `any` without the proof
};

struct PictureArrow {
  int from = 0, to = 0;
};

struct Picture {
  std::string model, stage, program;
  std::vector<PictureBox> boxes;  // a group comes before what it holds; [0] is the program
  std::vector<PictureArrow> arrows;
  std::vector<std::string> findings;  // worded
  std::size_t ops = 0;
};

Picture picture(const Graph& graph, const Inference& inference, std::span<const Finding> findings,
                std::string_view model, std::string_view stage);

// Graphviz's language.
std::string picture_dot(const Picture& picture);
// One HTML page that needs nothing else.
std::string picture_page(const Picture& picture);
// SVG drawn by Graphviz's `dot`; Error when it is not installed or fails.
std::string picture_svg(const Picture& picture);

}  // namespace nodec
