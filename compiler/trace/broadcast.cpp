// Broadcasting: batch is the last axis, so a tensor of lower rank lines up with the *leading* axes
// (a bias f32[20] with f32[20, B]) or, where only those fit, with the trailing ones (one number per
// sample, f32[B]). Where both would fit nothing is guessed.
#include "compiler/trace/broadcast.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "compiler/trace/access.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

struct Mismatch {
  std::string message, help;
};

// Axes of the result that `from` takes, or why it cannot.
std::variant<std::vector<std::int64_t>, Mismatch> line_up(const Shape& from, const Shape& to) {
  std::vector<std::int64_t> dims(from.size());
  std::iota(dims.begin(), dims.end(), 0);
  const std::size_t extra = to.size() - from.size();
  const bool leading = std::equal(from.begin(), from.end(), to.begin());
  const bool trailing = std::equal(from.begin(), from.end(), to.begin() + std::ptrdiff_t(extra));
  if (leading && trailing && extra > 0 && !from.empty()) {
    return Mismatch{"both its leading and its trailing axes fit",
                    "say which with broadcast_to(x, shape, axes)"};
  }
  if (leading) return dims;
  if (trailing) {
    std::iota(dims.begin(), dims.end(), std::int64_t(extra));
    return dims;
  }
  return Mismatch{"", "reshape one of them, or use broadcast_to(x, shape, axes)"};
}

// Equal rank: axes of size 1 stretch.
std::optional<Shape> stretched(const Shape& a, const Shape& b) {
  Shape result;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && a[i] != Dim(1) && b[i] != Dim(1)) return std::nullopt;
    result.push_back(a[i] == Dim(1) ? b[i] : a[i]);
  }
  return result;
}

// An operand whose axes of size 1 grow to the result's: they are dropped, then made anew.
Value* stretch(Builder& b, Value* x, const Shape& to) {
  if (x->type.shape() == to) return x;
  Shape kept;
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (x->type.shape()[i] != to[i]) continue;
    kept.push_back(to[i]);
    dims.push_back(std::int64_t(i));
  }
  return broadcast_to(b, reshape(b, x, kept), to, dims);
}

Error cannot_combine(std::string_view op, const Type& x, const Type& y, const Mismatch& why,
                     const SourceLine& where) {
  std::string message = fmt::format("{} cannot combine {} and {}", op, x.str(), y.str());
  if (!why.message.empty()) message += ": " + why.message;
  return Error(std::move(message), {{where, ""}}, why.help);
}

void check_dtypes(std::string_view op, const Value* x, const Value* y, const SourceLine& where) {
  const Type &a = x->type, &b = y->type;
  if (a.is_tensor() && b.is_tensor() && a.dtype() == b.dtype()) return;
  throw cannot_combine(op, a, b, {"", "cast one of them: cast<float>(x)"}, where);
}

}  // namespace

std::pair<Value*, Value*> alike(std::string_view op, Builder& b, const Operand& x,
                                const Operand& y) {
  if (x.is_number() && !y.is_number()) {
    Value* right = Access::value(b, y);
    return {Access::value(b, x, &right->type), right};
  }
  Value* left = Access::value(b, x);
  if (y.is_number()) return {left, Access::value(b, y, &left->type)};
  Value* right = Access::value(b, y);
  check_dtypes(op, left, right, b.where());
  const Type p = left->type, q = right->type;
  if (p.rank() == q.rank()) {
    const std::optional<Shape> shape = stretched(p.shape(), q.shape());
    if (!shape) throw cannot_combine(op, p, q, {"", "reshape one of them"}, b.where());
    return {stretch(b, left, *shape), stretch(b, right, *shape)};
  }
  Value*& small = p.rank() < q.rank() ? left : right;
  const Shape& shape = (p.rank() < q.rank() ? q : p).shape();
  auto dims = line_up(small->type.shape(), shape);
  if (const auto* why = std::get_if<Mismatch>(&dims)) {
    throw cannot_combine(op, p, q, *why, b.where());
  }
  small = broadcast_to(b, small, shape, std::get<0>(dims));
  return {left, right};
}

Value* shaped(std::string_view op, Builder& b, const Operand& x, const Type& like) {
  Value* value = Access::value(b, x, &like);
  if (value->type == like) return value;
  const Type& type = value->type;
  const bool fits = type.is_tensor() && type.dtype() == like.dtype() && type.rank() < like.rank();
  if (fits) {
    auto dims = line_up(type.shape(), like.shape());
    if (const auto* why = std::get_if<Mismatch>(&dims)) {
      throw cannot_combine(op, like, type, *why, b.where());
    }
    return broadcast_to(b, value, like.shape(), std::get<0>(dims));
  }
  throw cannot_combine(op, like, type, {"", "make both the same type"}, b.where());
}

}  // namespace nodec::tracing
