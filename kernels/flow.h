// The groups of an op (ir/groups.h) as one of its regions meets them, place by place.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace nodec {

// One region of an op. -1 stands for none.
struct Flow {
  bool known = false;
  std::vector<int> enters;  // for each argument: the operand whose value it starts with
  std::vector<int> leaves;  // for each result: the op's result it becomes
  std::vector<int> loops;   // for each result: the argument it is on the region's next run
};

Flow flow(const Op& op, std::size_t region);

// The value outside that this argument of a region always is; null for one that another run of the
// region gives a new value, for other values, and where that is not known.
const Value* captured(const Value& arg);

// Where the variable is declared that becomes this result of a loop or branch, in its attribute
// `declared_0`, `declared_1`, ...; unknown when it does not say.
SourceLine declared_at(const Op& op, std::size_t result);
void set_declared(Op& op, std::size_t result, const SourceLine& where);
// And where it was last assigned inside, by result and region: `written_0_1`, `written_1_1`, ...
SourceLine written_at(const Op& op, std::size_t result, std::size_t region);
void set_written(Op& op, std::size_t result, std::size_t region, const SourceLine& where);
SourceLine written_in_body(const Op& loop, std::size_t result);  // a loop's last region
// And its type before a branch: `entered_0`, ...; nothing when the op does not say.
std::optional<Type> entered_as(const Op& op, std::size_t result);
void set_entered(Op& op, std::size_t result, const Type& type);

}  // namespace nodec
