// Whether samples meet: by types and attributes, before anything is expanded, so that the op named
// is the user's own.
//
// A value has the samples on one axis at most, as they are. An op keeps them apart that has them in
// its operands and in its results, works along other axes, and leaves them in their order.
#include <algorithm>

#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/rules.h"
#include "kernels/sample_loop.h"

namespace nodec {
namespace {

bool mentions(const Value* value, std::string_view symbol) { return value->type.mentions(symbol); }

// The axis of the samples; -1: there is none. Samples twice, or merged with another axis, are not
// apart.
std::optional<std::int64_t> axis_of(const Value* value, std::string_view symbol) {
  if (!mentions(value, symbol)) return -1;
  if (!value->type.is_tensor()) return std::nullopt;
  std::int64_t found = -1;
  const Shape& shape = value->type.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!shape[i].mentions(symbol)) continue;
    if (found >= 0 || shape[i] != Dim::symbol(symbol)) return std::nullopt;
    found = std::int64_t(i);
  }
  return found;
}

bool works_along(const Op& op, std::int64_t axis) {
  const Attr *one = op.attrs.find("axis"), *many = op.attrs.find("axes");
  if (const auto* n = one != nullptr ? std::get_if<std::int64_t>(one) : nullptr) return *n == axis;
  const Axes* all = many != nullptr ? std::get_if<Axes>(many) : nullptr;
  return all != nullptr && std::find(all->begin(), all->end(), axis) != all->end();
}

Dim behind(const Value* value, std::int64_t axis) {
  const Shape& shape = value->type.shape();
  return element_count({shape.begin() + axis + 1, shape.end()});
}

bool picks(const Op& op, std::string_view symbol) {
  if (op.primitive->form != Form::Gather) return false;
  const Value* table = op.primitive == &gather_p ? op.operands[0] : op.result();
  return table->type.shape()[0].mentions(symbol);
}

// Of an op that has samples in its operands.
bool meets(const Op& op, std::string_view symbol) {
  for (const Value* x : op.operands) {
    const std::optional<std::int64_t> axis = axis_of(x, symbol);
    if (!axis || (*axis >= 0 && works_along(op, *axis))) return true;
  }
  for (const auto& y : op.results) {
    const std::optional<std::int64_t> axis = axis_of(y.get(), symbol);
    if (!axis || (*axis < 0 && !yields_results(op))) return true;
  }
  if (op.primitive == &reshape_p) {
    const Value *x = op.operands[0], *y = op.result();
    return behind(x, *axis_of(x, symbol)) != behind(y, *axis_of(y, symbol));
  }
  return is_integration(op) || picks(op, symbol);
}

}  // namespace

const Op* first_meeting(const Region& region, std::string_view symbol) {
  for (const auto& op : region.ops) {
    // A loop per sample asks of all of them whether one goes on, which is nothing to any of them.
    const bool each = op->primitive == &while_p && carry_of_samples(*op);
    // A rule gives what a built-in one would, sums over samples that all share a number included.
    const bool ruled = op->primitive == &custom_vjp_p || op->primitive == &custom_jvp_p;
    for (std::size_t r = each ? 1 : 0; r < (ruled ? 1 : op->regions.size()); ++r) {
      if (const Op* found = first_meeting(op->region(r), symbol)) return found;
    }
    const bool samples = std::any_of(op->operands.begin(), op->operands.end(),
                                     [&](const Value* x) { return mentions(x, symbol); });
    if (has_effect(*op) || (samples && meets(*op, symbol))) return op.get();
  }
  return nullptr;
}

}  // namespace nodec
