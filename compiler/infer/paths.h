// How a region's arguments reach its values: with a derivative, or through an op that has none.
//
// A derivative follows a path of ops from the argument to the result. A comparison, floor, a cast
// to an integer end it: what follows changes with the argument, by jumps, and no cotangent says so.
// Abstract evaluation keeps both for each value: the arguments it is smooth in, and those that
// reach it behind such a step, with the step. Calls, branches, loops and dynamics are walked
// through.
//
// A step that only chooses between pieces that meet where it turns (a leaky relu, |x| as x sign(x),
// a safe square root) takes nothing from a derivative. Where pieces meet is not known; where they
// cannot, is: the difference of two pieces can be zero on x = y only if the pieces look at all that
// x and y are made of. `select(x > 0, x, x / 8)` does. `select(t <= T, k, 0)` does not, nor does
// `select(t <= T, k T, 0)`: these jump, and where they do so moves with T. Pieces that look at all
// of it are tried (jumps.h): `select(t <= T, exp(T - t), 0)` jumps as well.
#pragma once

#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace nodec::paths {

struct Path {
  std::set<int> smooth;                 // arguments that it has a derivative in
  std::map<int, std::set<int>> behind;  // those behind steps, and which steps
  std::set<int> solves;                 // solves whose results it has a derivative in

  void add(const Path& other);
  void add_behind(const Path& other);  // of it, only what is behind steps
  bool operator==(const Path&) const = default;
};

struct Step {
  const Op* op = nullptr;
  bool stairs = false;   // of many levels: no mask that chooses between pieces
  bool of_time = false;  // it looks at a solve's time
};

struct Dynamics {
  const Op* solve = nullptr;
  Path path = {};   // of slopes and integrands
  Path stops = {};  // of the times where it stops, and starts anew behind what jumps there
};

// Whether the op has no derivative: what leaves it moves by jumps, if at all.
bool is_step(const Op& op);

class Paths {
 public:
  // Of this region; its argument i is number i. What else varies (a solve's time and states) is
  // numbered behind them.
  explicit Paths(const Region& region);

  const Path& of(const Value* value) { return values_[value]; }
  const Dynamics& dynamics(int solve) const { return solves_.at(std::size_t(solve)); }
  const Step& step(int number) const { return steps_.at(std::size_t(number)); }

 private:
  int number_of(const Value* value);
  Path all(std::span<Value* const> values);
  void run(const Region& region);
  void run(const Op& op);
  Path plain(const Op& op);
  Path step(const Op& op);
  void choose(Path& path, const Path& choice, const Path& pieces, const Value& chosen);
  bool jumps(const Value& chosen, const Path& choice);
  void enter(const Op& op, std::size_t r);
  void body(const Op& op);
  void branches(const Op& op);
  void loop(const Op& op);
  void solve(const Op& op);

  std::unordered_map<const Value*, Path> values_;
  std::unordered_map<const Value*, int> numbers_;
  std::set<int> times_;  // the numbers of solves' times
  std::vector<Step> steps_;
  std::vector<Dynamics> solves_;
  std::unordered_map<const Op*, int> known_;  // steps and solves, by their number
  std::map<std::pair<const Value*, std::set<const Op*>>, bool> jumps_;  // what was tried
};

}  // namespace nodec::paths
