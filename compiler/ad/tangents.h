// Which values of a region have a tangent, found before anything is written, since a loop must know
// what it carries.
//
// A float tensor has one if it depends on an argument that has, through floats only. A tape has a
// part for each value of a frame: its tangent is a tape of the parts that ever hold a tangent. All
// states of one tape share that answer, whichever of them was written first.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace nodec {

class Tangents {
 public:
  // Of `source`, whose arguments `wrt` have one, and of all regions in it.
  Tangents(const Region& source, const std::vector<int>& wrt);

  bool has(const Value& value) const;
  bool any(const std::vector<Value*>& values) const;
  // Of the value's frame, when it is a tape; else {0} or nothing.
  std::vector<std::size_t> parts(const Value& value) const;
  std::optional<Type> type(const Value& value) const;

 private:
  using Parts = std::vector<bool>;

  void mark(const Value& value, std::size_t part);
  void flow_into(const Value& from, const Value& to);  // what `from` has `to` has
  void join(const Value& x, const Value& y);           // two states of one tape, or one value
  void sweep(const Region& region);
  void through_regions(const Op& op);
  void through_ends(const Op& op);
  void through_tape(const Op& op);

  std::unordered_map<const Value*, Parts> parts_;
  bool changed_ = false;
};

}  // namespace nodec
