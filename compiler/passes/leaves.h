// A compound value side by side with its parts: the leaves of records, tuples and box contents, in
// order, and where they stand when lists of values are flattened.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace nodec {

// Leaf types with the names a reader knows them by: "st.scale".
std::vector<std::pair<std::string, Type>> leaves_of(const Type& type, const std::string& name = {});

// How many leaves stand before element i of a list, for every i and the end.
class Offsets {
 public:
  void push(std::size_t leaves) { starts_.push_back(starts_.back() + std::int64_t(leaves)); }
  std::int64_t at(std::int64_t i) const { return starts_.at(std::size_t(i)); }
  // The leaves of the listed elements.
  std::vector<std::int64_t> expand(const std::vector<std::int64_t>& list) const {
    std::vector<std::int64_t> all;
    for (std::int64_t i : list) {
      for (std::int64_t leaf = at(i); leaf < at(i + 1); ++leaf) all.push_back(leaf);
    }
    return all;
  }

 private:
  std::vector<std::int64_t> starts_{0};
};

}  // namespace nodec
