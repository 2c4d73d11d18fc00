// Programs that may be run again from their start when a tape has been too short for them.
#pragma once

#include "ir/plan.h"

namespace nodec::lowering {

// An output in an input's place that is written before the program's last write to a tape is made
// in scratch, and moved to its port at the end: then a run that ended for a full tape has left
// every input as it was.
void put_outputs_behind_tapes(plan::Plan& plan);

}  // namespace nodec::lowering
