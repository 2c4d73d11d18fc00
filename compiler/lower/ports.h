// What a program is given and gives, its sizes, and what may stop it: the plan's signature.
#pragma once

#include "compiler/lower/parts.h"

namespace nodec::lowering {

// Makes a buffer for each port, in the signature's order, inputs first.
void declare_ports(Parts& parts);

}  // namespace nodec::lowering
