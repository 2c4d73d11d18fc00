// The one table of primitives: a declaration for each line of catalogue.def, and lookup by name.
#pragma once

#include <span>
#include <string_view>

#include "ir/primitive.h"

namespace nodec {

#define NODEC_PRIMITIVE(name) extern const Primitive name##_p;
#include "kernels/catalogue.def"

std::span<const Primitive* const> catalogue();

// By text name ("box.new"); null when there is none. A PrimitiveLookup.
const Primitive* find_primitive(std::string_view name);

}  // namespace nodec
