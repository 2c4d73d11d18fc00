// A choice as an expression of numbers, with what it looks at, computed at drawn points.
//
// Parameters are drawn at random, and what moves in a solve (time and states; where nothing does,
// everything) along a line. Every element counts alike, so a broadcast or a transpose is its
// operand, and of one element each is enough. What no elementwise op makes is a number of its own,
// where nothing else in the choice shares what it is made of.
//
// Where something does, as in select(norm(u) > T, u T / norm(u), u), tensors are several elements
// that a reduction folds into one number, which every element then gets. A product of matrices is
// one of vectors there, so a matrix may stand in the choice once.
#pragma once

#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "ir/philox.h"
#include "ir/primitive.h"

namespace nodec {

class Choice {
 public:
  Choice(const Value& root, int elements);

  using Point = std::vector<double>;  // what every node is there, element by element
  struct Line {
    Point begin, end;  // only free nodes count
  };

  // Whether the expression says what the choice is.
  bool known() const { return known_; }
  std::size_t elements() const { return elements_; }
  // Where a point has the op's result; -1: it is none of this expression.
  int place_of(const Op& op) const;

  // Two points of its free numbers, equal in all but what moves.
  Line draw(philox::Sequence& words, bool positive) const;
  // What all nodes are at a point between the two; the last elements are the choice.
  Point at(const Line& line, double where) const;

 private:
  struct Node {
    ScalarRule scalar = nullptr;
    EstimateRule estimate = nullptr;  // of a fold
    std::vector<int> operands = {};
    double number = 0;  // a constant, or how many elements a fold or a product takes
    bool constant = false, free = false, moves = false, real = true, whole = false, single = false;
    bool product = false;  // of vectors
  };

  int put(const Value* value, Node node);
  int add(const Value* value);
  int input(const Value* value);
  int number(const Value* value);
  int branches(const Value* value);
  int unknown(const Value* value);
  int fold(const Value* value);
  int product(const Value* value);
  const Value* origin(const Value* value) const;
  void find_sources(const Value& value, int node);
  void draw_node(const Node& node, philox::Sequence& words, double scale, bool all, bool positive,
                 double* begin, double* end) const;
  double folded(const Node& node, const Point& point) const;
  std::size_t place(const Node& node, std::size_t operand) const;  // of its first element

  std::size_t elements_;
  std::vector<Node> nodes_;
  std::unordered_map<const Value*, int> numbers_;
  std::vector<std::pair<const Value*, int>> opaque_;
  std::set<const Value*> sources_;   // inputs that one free number is, or is made of
  std::set<const Value*> matrices_;  // that stand as rows which are alike
  std::vector<double> scales_{1};    // what its numbers may be near: what it compares with
  bool known_ = true;
};

}  // namespace nodec
