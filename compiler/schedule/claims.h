// Which arrays threads take back from each other's caches before they write them.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Sets the claims of large contractions: arrays that all threads have read and that the next kernel
// updates in place.
void claim(const Plan& plan, Schedule& how);

}  // namespace nodec::plan
