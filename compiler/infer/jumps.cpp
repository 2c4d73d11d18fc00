// A choice as an expression of scalars, and the search for its jumps.
#include "compiler/infer/jumps.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <vector>

#include "ir/philox.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/solve/view.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

constexpr std::size_t kMostNodes = 300;
constexpr int kLines = 64, kPoints = 256;  // drawn, and looked at on each
constexpr int kCoarse = 20, kFine = 40;    // halvings of an interval between two points
constexpr int kTurnsOfInterval = 4;        // that are told apart

// Whether an argument that no operand decides moves by itself: a program's input, time, a state.
bool is_free(const Value& arg) {
  const Op* owner = arg.region->parent;
  if (owner == nullptr) return true;
  if (!is_integration(*owner)) return false;
  return std::size_t(arg.index) < 1 + SolveView(*owner).states();
}

bool moves(const Value& input) { return input.region->parent != nullptr; }

// The value of another region, or of a view's operand, whose elements are this one's.
const Value* origin(const Value* value) {
  const Op* op = value->op;
  if (op == nullptr) return captured(*value);
  if (op->primitive->form == Form::View || op->primitive == &to_device_p) return op->operands[0];
  if (op->primitive != &call_p) return nullptr;
  const Flow f = flow(*op, 0);
  const auto leaves = std::find(f.leaves.begin(), f.leaves.end(), value->index);
  if (leaves == f.leaves.end()) return nullptr;
  return op->region().results[std::size_t(leaves - f.leaves.begin())];
}

struct Line {
  std::vector<double> begin, end;  // of each node; only those of free ones count
};

class Expression {
 public:
  explicit Expression(const Value& root) {
    add(&root);
    for (const auto& [value, node] : opaque_) find_sources(*value, node);
  }

  bool known() const { return known_; }
  // -1: it is none of this expression.
  int node_of(const Op& op) const {
    const auto found = numbers_.find(op.result());
    return found == numbers_.end() ? -1 : found->second;
  }

  // Two points of its free numbers, equal in all but what moves.
  Line draw(philox::Sequence& words, bool positive) const {
    const auto drawn = [&] { return philox::uniform_f64(words.next(), words.next()); };
    const double scale = scales_[words.next_below(std::uint32_t(scales_.size()))];
    Line line{std::vector<double>(nodes_.size()), std::vector<double>(nodes_.size())};
    const bool moves = std::any_of(nodes_.begin(), nodes_.end(), [](auto& n) { return n.moves; });
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Node& node = nodes_[i];
      if (!node.free) continue;
      const bool on = words.next() % 2 == 0;
      if (!node.real) {
        line.begin[i] = line.end[i] = on ? 1 : 0;
      } else if (node.moves || !moves) {
        line.begin[i] = (on ? 32 : -32) * scale * (1 - drawn() / 2);
        line.end[i] = (on ? -32 : 32) * scale * (1 - drawn() / 2);
      } else {
        const double size = scale * std::exp2(5 * drawn() - 3);
        line.begin[i] = line.end[i] = positive || on ? size : -size;
      }
    }
    return line;
  }

  // What all nodes are at a point between the two; the last one is the choice.
  std::vector<double> at(const Line& line, double where) const {
    std::vector<double> values(nodes_.size()), operands;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Node& node = nodes_[i];
      if (node.free) values[i] = line.begin[i] + where * (line.end[i] - line.begin[i]);
      if (node.constant) values[i] = node.number;
      if (node.scalar == nullptr) continue;
      operands.clear();
      for (const int operand : node.operands) operands.push_back(values[std::size_t(operand)]);
      values[i] = node.scalar(operands);
      if (node.whole) values[i] = std::trunc(values[i]);
    }
    return values;
  }

 private:
  struct Node {
    ScalarRule scalar = nullptr;
    std::vector<int> operands = {};
    double number = 0;
    bool constant = false, free = false, moves = false, real = true, whole = false;
  };

  int put(const Value* value, Node node) {
    nodes_.push_back(std::move(node));
    return numbers_[value] = int(nodes_.size()) - 1;
  }

  int add(const Value* value) {
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
    if (op->primitive->scalar == nullptr) return unknown(value);
    Node node{.scalar = op->primitive->scalar};
    for (const Value* operand : op->operands) node.operands.push_back(add(operand));
    node.whole = op->primitive == &cast_p && !is_float(value->type.dtype());
    return put(value, std::move(node));
  }

  int input(const Value* value) {
    if (!is_free(*value)) return unknown(value);
    sources_.insert(value);
    return put(value,
               {.free = true, .moves = moves(*value), .real = is_float(value->type.dtype())});
  }

  int number(const Value* value) {
    const std::optional<Uniform> n = uniform(value);
    known_ = known_ && n.has_value();  // tables may fit each other, element by element
    const double of_it = !n ? 0 : n->is_real() ? n->real : double(n->integer);
    if (of_it != 0 && std::isfinite(of_it)) scales_.push_back(std::abs(of_it));
    return put(value, {.number = of_it, .constant = true});
  }

  int branches(const Value* value) {
    const auto i = std::size_t(value->index);
    Node node{.scalar = select_p.scalar};
    node.operands.push_back(add(value->op->operands[0]));
    node.operands.push_back(add(value->op->region(0).results[i]));
    node.operands.push_back(add(value->op->region(1).results[i]));
    return put(value, std::move(node));
  }

  int unknown(const Value* value) {
    const int node = put(value, {.free = true, .real = is_float(value->type.dtype())});
    opaque_.emplace_back(value, node);
    return node;
  }

  // Nothing else may be made of what this value is made of.
  void find_sources(const Value& value, int node) {
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

  std::vector<Node> nodes_;
  std::unordered_map<const Value*, int> numbers_;
  std::vector<std::pair<const Value*, int>> opaque_;
  std::set<const Value*> sources_;  // inputs that one free number is, or is made of
  std::vector<double> scales_{1};   // what its numbers may be near: what it compares with
  bool known_ = true;
};

class Search {
 public:
  Search(const Expression& expression, std::vector<int> steps)
      : expression_(expression), steps_(std::move(steps)) {}

  // Whether the choice jumps wherever there are turns on a line; none where no line has any.
  std::optional<bool> jumps(bool positive) const {
    philox::Sequence words(0, philox::kElements);
    int met = 0, jumped = 0;
    for (int i = 0; i < kLines; ++i) {
      const std::optional<bool> jumps = along(expression_.draw(words, positive));
      met += jumps.has_value() ? 1 : 0;
      jumped += jumps.value_or(false) ? 1 : 0;
    }
    if (met < 4) return std::nullopt;
    return 40 * (met - jumped) <= met;  // one in 40 may be an accident
  }

 private:
  using Point = std::vector<double>;  // what every node is there

  std::optional<bool> along(const Line& line) const {
    std::optional<bool> jumps;
    Point last = expression_.at(line, 0);
    for (int i = 1; i <= kPoints; ++i) {
      Point next = expression_.at(line, double(i) / kPoints);
      double begin = double(i - 1) / kPoints;
      for (int turn = 0; turn < kTurnsOfInterval && !same(last, next); ++turn) {
        const std::optional<bool> here = at_turn(line, begin, double(i) / kPoints, last);
        if (here) jumps = jumps.value_or(false) || *here;
      }
      last = std::move(next);
    }
    return jumps;
  }

  // Goes to the other side of the first turn behind `begin`, where `last` is, that halving finds.
  std::optional<bool> at_turn(const Line& line, double& begin, double end, Point& last) const {
    Point low = last, high = expression_.at(line, end);
    double from = begin, to = end, coarse = 0;
    for (int i = 0; i < kFine; ++i) {
      if (i == kCoarse) coarse = difference(low, high);
      const double middle = (from + to) / 2;
      Point values = expression_.at(line, middle);
      const bool before = same(values, low);
      (before ? low : high) = std::move(values);
      (before ? from : to) = middle;
    }
    begin = to, last = high;
    const double fine = difference(low, high);
    if (!std::isfinite(coarse) || !std::isfinite(fine)) return std::nullopt;
    const bool much = fine > 1e-6 * std::max(std::abs(low.back()), std::abs(high.back()));
    const bool rounding = !(fine > 1e-9 * std::min(largest(low), largest(high)));
    return much && !rounding && fine > 0.9 * coarse;
  }

  bool same(const Point& a, const Point& b) const {
    return std::all_of(steps_.begin(), steps_.end(),
                       [&](int step) { return a[std::size_t(step)] == b[std::size_t(step)]; });
  }
  static double difference(const Point& a, const Point& b) { return std::abs(a.back() - b.back()); }
  static double largest(const Point& values) {
    double most = 0;
    for (const double value : values) most = std::max(most, std::abs(value));
    return most;
  }

  const Expression& expression_;
  std::vector<int> steps_;
};

}  // namespace

bool seen_to_jump(const Value& choice, const std::set<const Op*>& steps) {
  const Expression expression(choice);
  if (!expression.known()) return false;
  std::vector<int> nodes;
  for (const Op* step : steps) {
    if (const int node = expression.node_of(*step); node >= 0) nodes.push_back(node);
  }
  if (nodes.empty()) return false;
  const Search search(expression, nodes);
  const std::optional<bool> jumps = search.jumps(true);
  return jumps ? *jumps : search.jumps(false).value_or(false);
}

}  // namespace nodec
