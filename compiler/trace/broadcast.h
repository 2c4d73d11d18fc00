// How two operands of an elementwise op come to one type; the rule is in README.md.
#pragma once

#include <string_view>

#include "compiler/trace/var.h"

namespace nodec::tracing {

// Both operands as values of one type; `op` names the operation in messages.
std::pair<Value*, Value*> alike(std::string_view op, Builder& b, const Operand& x,
                                const Operand& y);
// One operand as a value of exactly this shape.
Value* shaped(std::string_view op, Builder& b, const Operand& x, const Type& like);

}  // namespace nodec::tracing
