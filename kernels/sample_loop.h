// A loop whose condition is a value for each sample, said as a `while` of one condition for all:
//
//   on = test(x)
//   while any(on) { x' = select(on, body(x), x);  on' = on and test(x') }
//
// A sample whose own condition has ended keeps what it has, whatever its further turns would make:
// turns more or less are nothing to it. So samples may go through the loop in groups of any size,
// each until none of its own goes on, which `lower` makes use of (compiler/lower/loops.h); and
// derivatives, tapes and memory caps are those of `while` and `select`.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace nodec {

// Whether a test yields such a condition: a bool for each index of one symbolic axis.
bool is_for_each_sample(const Type& condition);

// The loop's parts: `test` takes carries and captures, `body` has an argument more among the
// carries, in place `on`: which samples go on.
struct SampleLoop {
  std::vector<Value*> carries, captures;
  std::size_t on = 0;
  std::unique_ptr<Region> test, body;
};

// Its results are the carries, with that one more among them. Where `among` is given, no sample
// runs that is not on there: in the body of another such loop. Error where a carry has no samples,
// and where the loop lets samples meet.
Op& while_samples(Builder& b, SampleLoop loop, Value* among, Attrs attrs);

// Of a `while` that is such a loop: the carry that says which samples go on.
std::optional<std::size_t> carry_of_samples(const Op& loop);

// The first op of the region, or of those in it, by which one index of the axis of this size may
// come to know of another; null: there is none.
const Op* first_meeting(const Region& region, std::string_view symbol);

}  // namespace nodec
