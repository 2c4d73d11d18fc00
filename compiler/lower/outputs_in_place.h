// Outputs that stand in an input's place.
#pragma once

#include "ir/plan.h"

namespace nodec::lowering {

// A program ends with copies of new values over its inputs. Where nothing behind the one kernel
// that makes a value reads the input or may stop the program, the kernel writes the port itself and
// the copy goes.
void make_outputs_in_place(plan::Plan& plan);

}  // namespace nodec::lowering
