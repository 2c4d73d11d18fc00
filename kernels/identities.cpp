// What simplifications ask and share.
#include "kernels/identities.h"

#include <cmath>

#include "kernels/uniform.h"

namespace nodec {

const Op* made_by(const Value* value, const Primitive& primitive) {
  return value->op != nullptr && value->op->primitive == &primitive ? value->op : nullptr;
}

bool is(const Value* value, double number) {
  const std::optional<Uniform> u = uniform(value);
  return u && u->is(number);
}

bool is_nothing(const Value* value) {
  return is(value, is_float(value->type.dtype()) ? -0.0 : 0.0);
}

bool is_plain_number(const Value* value) {
  const std::optional<Uniform> u = uniform(value);
  return u && u->real != 0 && std::isfinite(u->real);
}

Value* if_same_type(Builder&, const Op& op) {
  return op.result()->type == op.operands[0]->type ? op.operands[0] : nullptr;
}

Value* if_same_twice(Builder&, const Op& op) {
  const Op* inner = made_by(op.operands[0], *op.primitive);
  return inner ? inner->operands[0] : nullptr;
}

Value* if_equals(Builder&, const Op& op) {
  return op.operands[0] == op.operands[1] ? op.operands[0] : nullptr;
}

Value* if_no_axes(Builder&, const Op& op) {
  return op.attrs.get<std::vector<std::int64_t>>("axes").empty() ? op.operands[0] : nullptr;
}

}  // namespace nodec
