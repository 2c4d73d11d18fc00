// Which kernels on tiles share one loop, and which sums walk their terms in one.
#pragma once

#include <set>

#include "ir/schedule.h"

namespace nodec::plan {

// Bytes from the operands of one term to the next's, where all are equally far apart; else none.
std::vector<std::int64_t> terms_apart(const Plan& plan, const std::vector<Place>& places,
                                      const Kernel& kernel);

// Joins kernels of `how` that may be, and that no meeting keeps apart.
void join_runs(const Plan& plan, Schedule& how);
// What one run alone writes and then reads, element by element: it needs no memory.
std::set<int> only_in_runs(const Plan& plan, const Schedule& how);
// Makes loops of terms that lie so.
void roll_terms(const Plan& plan, Schedule& how);

}  // namespace nodec::plan
