// Long work is cut into pieces, each a function of the plan, so that compiling takes time in
// proportion to what the user writes.
//
// Behind the plan stands a code generator whose time grows faster than a function: thousands of
// values that a gradient saves on its way forward and reads on its way back are as many long
// intervals to find registers for. Here no list of work without a loop or a branch has more
// operations than a limit, nor a function more than ten times as many as long as lists can be cut,
// and what one piece makes for another lies in memory, where one instruction takes it from:
//
//   a map of many computations     becomes maps of fewer, with tensors between them;
//   a sum of many terms            becomes sums of fewer, which go on from each other's;
//   many kernels of one tile list  become functions of one tile, called by kernels;
//   many nodes of one list         become functions of the team, called by nodes, short loops and
//                                  branches among them. Scalars that go from one to another lie in
//                                  scratch of each thread (`Scalars`);
//   many scalars of one call       are passed there too (long_calls.h).
//
// Every operation stays, in its order, so no bit changes; and a plan within the limits stays as it
// is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/plan.h"

namespace nodec::lowering {

// Maps, and sums of many terms; before values are written in place of others (carries_in_place.h),
// which looks at who reads what when.
void cut_kernels(plan::Plan& plan, std::int64_t longest);
// All the rest, when these are cut.
void cut_functions(plan::Plan& plan, std::int64_t longest);

// About how much the back ends write for it, in operations; a load or a store is one.
std::int64_t length_of(const plan::Compute& compute);
std::int64_t length_of(const std::vector<plan::Compute>& computes);
std::int64_t length_of(const plan::Map& map);  // of its loop's body
std::int64_t length_of(const plan::DenseMap& map);
std::int64_t length_of(const plan::Kernel& kernel);
std::int64_t length_of(const plan::Node& node);    // without the nodes inside it
std::int64_t length_of(const plan::Nodes& nodes);  // with all that is inside

// The pieces of one plan while it is being cut.
class Pieces {
 public:
  Pieces(plan::Plan& plan, std::int64_t longest);

  plan::Plan& plan;
  const std::int64_t longest;

  // Lists of this body are cut if they are longer.
  std::int64_t least(const plan::Nodes& body) const;
  // A number to call the piece of function `owner` by; the entry is one behind the last.
  int add(int owner, plan::Function piece);
  std::string name(int owner);
  // What a piece begins with: constants among `scalars` are the same everywhere.
  bool is_constant(int scalar) const { return constants_.contains(scalar); }
  void take_constants(const std::vector<int>& scalars, plan::Function& piece) const;
  // Puts each piece before its owner, as callees stand before callers, and numbers all calls anew.
  void put();

 private:
  std::map<int, plan::Compute> constants_;  // by the scalar
  struct Made {
    int owner;
    plan::Function function;
  };
  std::vector<Made> made_;
};

void cut_tiles(Pieces& pieces);
void cut_nodes(Pieces& pieces);

// For what one piece makes and another reads.
inline plan::Buffer between(plan::Buffer::Space space, Dtype dtype) {
  plan::Buffer b;
  b.name = "between";
  b.space = space;
  b.dtype = dtype;
  return b;
}

// Values of that kind one behind another, in one buffer for each dtype, so that whoever needs them
// needs one place.
class Row {
 public:
  Row(plan::Plan& plan, plan::Buffer::Space space) : plan_(plan), space_(space) {}

  plan::Ref add(Dtype dtype, std::int64_t elements);  // where they begin

 private:
  plan::Plan& plan_;
  const plan::Buffer::Space space_;  // Local or Scalars
  std::map<Dtype, int> buffers_;
};

// Calls `f` with the number of each function that the node calls, not those inside it.
template <class Node, class F>
void each_call_of(Node& node, const F& f) {
  if (auto* call = std::get_if<plan::Call>(&node.what)) f(call->function);
  if (auto* tiles = std::get_if<plan::Tiles>(&node.what)) {
    for (auto& kernel : tiles->kernels) {
      if (auto* invoke = std::get_if<plan::Invoke>(&kernel)) f(invoke->function);
    }
  }
}

// How many pieces of at most `longest` so much is.
inline std::int64_t piece_count(std::int64_t length, std::int64_t longest) {
  return (length + longest - 1) / longest;
}

}  // namespace nodec::lowering
