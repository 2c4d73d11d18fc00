// The stage that decides how a machine walks a plan (ir/schedule.h says what a schedule is).
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

Schedule schedule(const Plan& plan, const Machine& machine);

}  // namespace nodec::plan
