// A gather of neighbouring rows that stands for an op on a part of a tensor: what the user knows of
// that part, which is to lie within the tensor whatever its sizes are when the program is called.
#pragma once

#include <optional>

#include "ir/abi.h"
#include "ir/graph.h"

namespace nodec {

void note_part(Op& gather, const SizedPart& part);
std::optional<SizedPart> noted_part(const Op& op);  // of a gather that has one

}  // namespace nodec
