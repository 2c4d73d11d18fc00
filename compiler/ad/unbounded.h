// Where a reverse sweep may multiply 0 by what is not finite, though the program's inputs are.
//
// Some ops have an infinite slope at a finite argument (Gradient::unbounded: sqrt, log, div, ...).
// A value that depends on one may be infinite or NaN: it is *wild*, and so may be the slope of any
// op it enters. A value that one depends on may get an infinite cotangent: it is *steep*. There the
// products of cotangents and slopes must be strong (strong_mul); elsewhere plain ones do, which are
// cheaper and can be fused into sums.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "ir/spread.h"

namespace nodec {

// What is known of a region from outside, by number.
struct Unbounded {
  std::vector<int> wild_args, steep_results;
};

// An op with the attribute `finite` says that its results are numbers wherever what they lead to is
// used: a step size, and while forward mode walks one, a solver's loop.
// The wild or steep values of a region, its regions' own left out; solves give finite numbers.
// `spread` is the region's, through what is open (value_set.h).
ValueSet find_wild(const Spread& spread, const Region& source, const std::vector<int>& args);
ValueSet find_steep(const Spread& spread, const Region& source, const std::vector<int>& results);

// The wild values of a region to which ops are only added: each is looked at once, however often it
// is asked.
class WildSoFar {
 public:
  explicit WildSoFar(const Region& region) : region_(region) {}
  const ValueSet& values();

 private:
  const Region& region_;
  std::size_t next_ = 0;  // op
  ValueSet wild_;
};

// Makes the products of `moved`, cotangents or tangents, strong among the ops from this one on.
void strengthen(Region& region, std::size_t from, const std::vector<Value*>& moved);

// What the values around the op that holds `region` say of it.
Unbounded seen_from_outside(const Region& region, const ValueSet& wild, const ValueSet& steep);

}  // namespace nodec
