// Reverse mode of a request for a derivative that still stands, `vjp` or `jvp` of f. Both are
// forward mode over the reverse sweep, since second derivatives are symmetric. With
// g(x, c) = (f(x), J(x)^T c):
//
//   (y, xbar) = vjp(f)(x, c)  with cotangents (yc, w):   the cotangent of c is J w, that of x is
//       J^T yc + the tangent of J(x)^T c for dx = w, which is that of g for (dx, dc) = (w, yc)
//   (y, ydot) = jvp(f)(x, v)  with cotangents (yc, w):   the cotangent of v is J^T w, that of x is
//       J^T yc + the tangent of J(x)^T w for dx = v, which is that of g for (dx, dc) = (v, yc)
//
// So one jvp of g gives all there is.
#pragma once

#include <span>

#include "ir/primitive.h"

namespace nodec {

// The request as it is.
Augmented stand(Differentiator& ad, Builder& b, const Op& op, std::span<Value* const> operands);

std::vector<Value*> reverse_vjp(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                std::span<Value* const> dy);
std::vector<Value*> reverse_jvp(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                std::span<Value* const> dy);

// Forward mode answers the requests inside first, so it meets none.
Pushed push_resolved(ForwardDifferentiator& ad, Builder& b, const Op& op,
                     std::span<Value* const> operands, std::span<Value* const> tangents);

}  // namespace nodec
