// How values flow between an op and the regions it holds. A primitive says it once
// (Primitive::groups); every stage that looks through such ops asks here and knows none by name.
//
// The operands and results of the op and the arguments and results of its regions form groups,
// whose members belong together one by one: carry i of a loop is an operand, an argument of both
// its regions, a result of its body and a result of the loop.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace nodec {

enum class Role : std::uint8_t {
  Setting,   // an operand that no region takes
  Decision,  // yielded for the op itself: whether to go on
  Clock,     // an argument that starts as an operand and runs
  Capture,   // an operand, and an argument that is the same on every run
  Carry,     // starts as an operand; what is yielded is the next run's argument, at last the result
  Cell,      // the same, of a variable's content
  State,     // the same, but what is yielded is its slope
  Result,    // yielded, and the op's result
  Integral,  // yielded, and adds up to the op's result
  Residual,  // yielded for each run to a tape, which is one result for all of them
};

struct Group {
  // Where the first member stands among a region's arguments and results; -1: it does not.
  struct Place {
    int argument = -1, result = -1;
  };

  Role role = Role::Setting;
  std::size_t size = 0;
  int operand = -1, result = -1;             // where the first member stands among the op's own
  std::vector<Place> regions = {};           // by region
  std::string_view count = {};               // the attribute that says the size, if one does
  std::vector<std::string_view> lists = {};  // attributes that name members by number
  std::size_t pinned = 0;                    // members, the first, that live as long as the op

  bool comes_back() const {
    return role == Role::Carry || role == Role::Cell || role == Role::State;
  }
  // Whether place `i` of a list is a member's, where the first one's is `first`.
  bool holds(int first, std::size_t i) const {
    return first >= 0 && i >= std::size_t(first) && i < std::size_t(first) + size;
  }
};

using GroupsRule = std::vector<Group> (*)(const Op& op);

// None for an op whose regions nothing is known of: all that enters it is needed, and nothing can
// be concluded about its regions' arguments.
std::vector<Group> groups_of(const Op& op);

// Whether the op carries values from turn to turn: its first operands, the first arguments of its
// regions, and all its results; the body is the last region, and a first one decides whether to go
// on. Whether one of two regions is chosen, and whether it integrates what a region says of its
// states.
bool is_loop(const Op& op);
bool is_branch(const Op& op);
bool is_integration(const Op& op);
// Whether each of its results is what a region yields, from this run or the last.
bool yields_results(const Op& op);

}  // namespace nodec
