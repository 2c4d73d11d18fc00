// Which arrays threads take back from each other's caches before they write them.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Sets the claims of large contractions: arrays that threads have read beyond their own share, and
// that work behind the contraction updates in place. Whether there are any.
bool find_claims(const Plan& plan, Schedule& how);
void drop_claims(Schedule& how);

}  // namespace nodec::plan
