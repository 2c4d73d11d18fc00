// Telling a constant of one value from other constants, in its own dtype.
#include "kernels/uniform.h"

#include <cmath>

#include "kernels/build.h"

namespace nodec {

bool Uniform::is(double value) const {
  if (!is_real()) return double(integer) == value;
  return real == value && std::signbit(real) == std::signbit(value);
}

std::optional<Uniform> uniform(const Value* value) {
  if (value->op == nullptr || value->op->primitive != &constant_p) return std::nullopt;
  const Attr* number = value->op->attrs.find("value");
  if (number == nullptr || value->type.dtype() == Dtype::Key) return std::nullopt;
  Uniform u{value->type.dtype(), 0, 0};
  if (const double* real = std::get_if<double>(number)) {
    u.real = u.dtype == Dtype::F32 ? double(float(*real)) : *real;
    if (!u.is_real()) u.integer = std::int64_t(*real);
  } else if (const auto* integer = std::get_if<std::int64_t>(number)) {
    u.integer = *integer;
    u.real = u.dtype == Dtype::F32 ? double(float(*integer)) : double(*integer);
  } else {
    return std::nullopt;
  }
  return u;
}

Value* constant(Builder& b, const Uniform& u, const Shape& shape) {
  Attrs attrs;
  attrs.set("dtype", u.dtype).set("shape", shape);
  if (u.is_real()) attrs.set("value", u.real);
  if (!u.is_real()) attrs.set("value", u.integer);
  return b.value(constant_p, {}, std::move(attrs));
}

}  // namespace nodec
