// From values to numbers, and numbers at points.
#include "compiler/infer/choice.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/solve/view.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

constexpr std::size_t kMostNodes = 300;

// Whether an argument that no operand decides moves by itself: a program's input, time, a state.
bool is_free(const Value& arg) {
  const Op* owner = arg.region->parent;
  if (owner == nullptr) return true;
  if (!is_integration(*owner)) return false;
  return std::size_t(arg.index) < 1 + SolveView(*owner).states();
}

bool moves(const Value& input) { return input.region->parent != nullptr; }

// How many there are where a symbol is as many as there are elements.
std::optional<double> count(const Dim& dim, std::size_t elements) {
  if (dim.is_unknown()) return std::nullopt;
  Bindings bindings;
  for (const std::string& symbol : dim.symbols()) bindings[symbol] = std::int64_t(elements);
  return double(dim.evaluate(bindings));
}

bool is_single(const Type& type) {
  const Dim all = element_count(type.shape());
  return all.is_constant() && all.constant() == 1;
}

// Whether the view shows every element: it walks whole axes.
bool keeps_elements(const Op& view) {
  if (view.primitive->view == nullptr) return true;
  const std::vector<int> axes = view.primitive->view(view).axis;
  const Shape &from = view.operands[0]->type.shape(), &to = view.result()->type.shape();
  std::set<int> whole;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] >= 0 && to[i] == from[std::size_t(axes[i])]) whole.insert(axes[i]);
  }
  return whole.size() == from.size();
}

}  // namespace

Choice::Choice(const Value& root, int elements) : elements_(std::size_t(elements)) {
  add(&root);
  for (const auto& [value, node] : opaque_) find_sources(*value, node);
}

int Choice::place_of(const Op& op) const {
  const auto found = numbers_.find(op.result());
  return found == numbers_.end() ? -1 : found->second * int(elements_);
}

// The value of another region, or of a view's operand, whose elements are this one's.
const Value* Choice::origin(const Value* value) const {
  const Op* op = value->op;
  if (op == nullptr) return captured(*value);
  if (op->primitive == &to_device_p) return op->operands[0];
  if (op->primitive->form == Form::View) {
    return elements_ == 1 || keeps_elements(*op) ? op->operands[0] : nullptr;
  }
  if (op->primitive != &call_p) return nullptr;
  const Flow f = flow(*op, 0);
  const auto leaves = std::find(f.leaves.begin(), f.leaves.end(), value->index);
  if (leaves == f.leaves.end()) return nullptr;
  return op->region().results[std::size_t(leaves - f.leaves.begin())];
}

int Choice::put(const Value* value, Node node) {
  nodes_.push_back(std::move(node));
  return numbers_[value] = int(nodes_.size()) - 1;
}

int Choice::add(const Value* value) {
  if (matrices_.contains(value)) known_ = false;
  if (const auto found = numbers_.find(value); found != numbers_.end()) return found->second;
  known_ = known_ && nodes_.size() < kMostNodes && value->type.is_tensor();
  if (!known_) return 0;
  if (const Value* from = origin(value)) {
    const int node = add(from);
    return numbers_[value] = node;
  }
  const Op* op = value->op;
  if (op == nullptr) return input(value);
  if (op->primitive == &constant_p) return number(value);
  if (is_branch(*op)) return branches(value);
  if (elements_ > 1) {
    if (op->primitive->estimate) return fold(value);
    if (op->primitive->form == Form::Contract) return product(value);
  }
  if (op->primitive->scalar == nullptr) return unknown(value);
  Node node{.scalar = op->primitive->scalar};
  for (const Value* operand : op->operands) node.operands.push_back(add(operand));
  node.whole = !is_float(value->type.dtype());
  return put(value, std::move(node));
}

int Choice::input(const Value* value) {
  if (!is_free(*value)) return unknown(value);
  sources_.insert(value);
  return put(value, {.free = true,
                     .moves = moves(*value),
                     .real = is_float(value->type.dtype()),
                     .single = is_single(value->type)});
}

int Choice::number(const Value* value) {
  const std::optional<Uniform> n = uniform(value);
  known_ = known_ && n.has_value();  // tables may fit each other, element by element
  const double of_it = !n ? 0 : n->is_real() ? n->real : double(n->integer);
  if (of_it != 0 && std::isfinite(of_it)) scales_.push_back(std::abs(of_it));
  return put(value, {.number = of_it, .constant = true});
}

int Choice::branches(const Value* value) {
  const auto i = std::size_t(value->index);
  Node node{.scalar = select_p.scalar};
  node.operands.push_back(add(value->op->operands[0]));
  node.operands.push_back(add(value->op->region(0).results[i]));
  node.operands.push_back(add(value->op->region(1).results[i]));
  return put(value, std::move(node));
}

int Choice::unknown(const Value* value) {
  if (elements_ > 1 && value->op != nullptr && value->op->primitive == &dim_p) {
    const auto size = count(value->op->attrs.get<Shape>("size").front(), elements_);
    known_ = known_ && size.has_value();
    return put(value, {.number = size.value_or(1), .constant = true});
  }
  const int node =
      put(value,
          {.free = true, .real = is_float(value->type.dtype()), .single = is_single(value->type)});
  opaque_.emplace_back(value, node);
  return node;
}

int Choice::fold(const Value* value) {
  const Value* of = value->op->operands[0];
  Dim all = 1;
  for (const std::int64_t axis : value->op->attrs.get<std::vector<std::int64_t>>("axes")) {
    all = all * of->type.shape()[std::size_t(axis)];
  }
  const auto size = count(all, elements_);
  known_ = known_ && size.has_value();
  const int node = add(of);
  return put(
      value,
      {.estimate = value->op->primitive->estimate, .operands = {node}, .number = size.value_or(1)});
}

// The rows of a matrix on the left are alike, and so are the columns of one on the right.
int Choice::product(const Value* value) {
  const Op& op = *value->op;
  const bool ta = op.attrs.get<bool>("ta"), tb = op.attrs.get<bool>("tb");
  const Shape &a = op.operands[0]->type.shape(), &b = op.operands[1]->type.shape();
  const Dim beside[] = {a[ta ? 1 : 0], b[tb ? 0 : 1]};
  const auto size = count(a[ta ? 0 : 1], elements_);
  known_ = known_ && size.has_value();
  Node node{.number = size.value_or(1), .product = true};
  for (std::size_t i = 0; i < op.operands.size(); ++i) {
    const Value* root = op.operands[i];
    while (const Value* from = origin(root)) root = from;
    const bool alike = i < 2 && beside[i].is_constant() && beside[i].constant() != 1;
    known_ = known_ && !(alike && numbers_.contains(root));
    node.operands.push_back(add(op.operands[i]));
    if (alike) matrices_.insert(root);
  }
  return put(value, std::move(node));
}

// Nothing else may be made of what this value is made of.
void Choice::find_sources(const Value& value, int node) {
  std::set<const Value*> seen, inputs;
  std::vector<const Value*> waiting{&value};
  while (!waiting.empty() && known_) {
    const Value* next = waiting.back();
    waiting.pop_back();
    if (!seen.insert(next).second) continue;
    const Op* op = next->op != nullptr ? next->op : next->region->parent;
    if (const Value* outside = next->op == nullptr ? captured(*next) : nullptr) {
      waiting.push_back(outside);
    } else if (next->op == nullptr && is_free(*next)) {
      inputs.insert(next);
    } else {
      waiting.insert(waiting.end(), op->operands.begin(), op->operands.end());
      known_ = known_ && (next->op != nullptr || is_loop(*op));
      const auto number = numbers_.find(next);  // a value that stands in the choice as well
      const bool stands = number != numbers_.end() && number->second != node;
      known_ = known_ && !(stands && !nodes_[std::size_t(number->second)].constant);
    }
  }
  for (const Value* input : inputs) {
    known_ = known_ && sources_.insert(input).second;
    nodes_[std::size_t(node)].moves |= moves(*input);
  }
}

Choice::Line Choice::draw(philox::Sequence& words, bool positive) const {
  const double scale = scales_[words.next_below(std::uint32_t(scales_.size()))];
  const std::size_t size = nodes_.size() * elements_;
  Line line{Point(size), Point(size)};
  const bool all = std::none_of(nodes_.begin(), nodes_.end(), [](auto& n) { return n.moves; });
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (!node.free) continue;
    double *begin = &line.begin[i * elements_], *end = &line.end[i * elements_];
    draw_node(node, words, scale, all, positive, begin, end);
  }
  return line;
}

// The other elements go the first one's way, some of them against it, so that all are small
// together and sizes pass through all sizes.
void Choice::draw_node(const Node& node, philox::Sequence& words, double scale, bool all,
                       bool positive, double* begin, double* end) const {
  const auto drawn = [&] { return philox::uniform_f64(words.next(), words.next()); };
  const bool on = words.next() % 2 == 0;
  if (!node.real) {
    begin[0] = end[0] = on ? 1 : 0;
  } else if (node.moves || all) {
    begin[0] = (on ? 32 : -32) * scale * (1 - drawn() / 2);
    end[0] = (on ? -32 : 32) * scale * (1 - drawn() / 2);
  } else {
    const double size = scale * std::exp2(5 * drawn() - 3);
    begin[0] = end[0] = positive || on ? size : -size;
  }
  for (std::size_t e = 1; e < elements_; ++e) {
    begin[e] = begin[0], end[e] = end[0];
    if (node.single) continue;
    if (!node.real) {
      begin[e] = end[e] = words.next() % 2 == 0 ? 1 : 0;
      continue;
    }
    const double least = positive && !node.moves && !all ? 0.25 : -1;
    const double share = least + (1 - least) * drawn();
    const double apart = node.moves || all ? scale * (drawn() - 0.5) / 2 : 0;
    begin[e] = begin[0] * share + apart, end[e] = end[0] * share + apart;
  }
}

std::size_t Choice::place(const Node& node, std::size_t operand) const {
  return std::size_t(node.operands[operand]) * elements_;
}

// What every element of a fold or of a product is.
double Choice::folded(const Node& node, const Point& point) const {
  if (node.estimate) {
    return node.estimate(std::span(point).subspan(place(node, 0), elements_), node.number);
  }
  double sum = 0;
  for (std::size_t e = 0; e < elements_; ++e) {
    sum += point[place(node, 0) + e] * point[place(node, 1) + e];
  }
  return sum * node.number / double(elements_);
}

Choice::Point Choice::at(const Line& line, double where) const {
  Point point(nodes_.size() * elements_), operands;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    const bool folds = node.estimate || node.product;
    const double fold = folds ? folded(node, point) : 0;
    for (std::size_t e = 0; e < elements_; ++e) {
      const std::size_t to = i * elements_ + e;
      double& value = point[to];
      if (node.free) value = line.begin[to] + where * (line.end[to] - line.begin[to]);
      if (node.constant) value = node.number;
      if (folds) value = fold;
      if (node.product && node.operands.size() == 3) value += point[place(node, 2) + e];
      if (node.scalar == nullptr) continue;
      operands.clear();
      for (std::size_t k = 0; k < node.operands.size(); ++k) {
        operands.push_back(point[place(node, k) + e]);
      }
      value = node.scalar(operands);
      if (node.whole) value = std::trunc(value);
    }
  }
  return point;
}

}  // namespace nodec
