// Reshapes: the same elements counted anew. Where the elements of the new axes lie at even
// distances a reshape is a view, as other ops of its form are. Elsewhere (a transposed matrix as a
// vector) the elements are copied into the order that it wants, which is one more kernel.
#include <algorithm>
#include <optional>

#include "compiler/lower/batch.h"
#include "compiler/lower/views.h"
#include "kernels/rules.h"

namespace nodec::lowering {
namespace {

// Neighbouring axes that one stride walks.
struct Run {
  Dim size;
  std::int64_t stride;
};

// The runs of these axes, the last axis first.
std::vector<Run> runs_of(const std::vector<Dim>& sizes, const std::vector<std::int64_t>& strides) {
  std::vector<Run> runs;
  for (std::size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == Dim(1)) continue;
    Run* last = runs.empty() ? nullptr : &runs.back();
    if (last && last->size.is_constant() && strides[i] == last->stride * last->size.constant()) {
      last->size = last->size * sizes[i];
    } else {
      runs.push_back({sizes[i], strides[i]});
    }
  }
  return runs;
}

// Strides for `sizes` that walk the same elements in the same order.
std::optional<std::vector<std::int64_t>> strides_over(const std::vector<Run>& runs,
                                                      const std::vector<Dim>& sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 0);
  std::size_t axis = sizes.size();
  for (const Run& run : runs) {
    Dim walked = 1;
    while (!(walked == run.size)) {
      if (axis == 0 || !walked.is_constant()) return std::nullopt;
      --axis;
      strides[axis] = run.stride * walked.constant();
      walked = walked * sizes[axis];
    }
  }
  return strides;
}

// How many elements stand before the batch: a reshape must leave it there.
Dim before_batch(const Shape& shape, std::string_view batch) {
  Dim count = 1;
  for (const Dim& d : shape) {
    if (d.mentions(batch)) break;
    count = count * d;
  }
  return count;
}

}  // namespace

std::optional<View> Views::reshaped(const Value* v) const {
  const Value* x = follow(v->op->operands[0]);
  const std::vector<Dim> sizes = element_dims(v);
  if (varying(v) &&
      before_batch(v->type.shape(), batch_) != before_batch(x->type.shape(), batch_)) {
    throw Error(fmt::format("a reshape of {} to {} mixes samples", described(*x), v->type.str()),
                {{v->op->where, "reshaped here"}},
                "transpose first, so that the batch has as many elements before it");
  }
  const View from = resolve(x);
  const auto& steps = from.strides;
  if (std::all_of(steps.begin(), steps.end(), [](std::int64_t s) { return s == 0; })) {
    return View{from.base, std::vector<std::int64_t>(sizes.size(), 0), from.start};
  }
  const auto strides = strides_over(runs_of(element_dims(x), from.strides), sizes);
  if (!strides) return std::nullopt;
  return View{from.base, *strides, from.start};
}

// Whether `op` is a reshape that must move its elements.
bool Views::moves_elements(const Op& op) const {
  return op.primitive == &reshape_p && !reshaped(op.result());
}

bool Views::is_view(const Op& op) const { return is_free(op) && !moves_elements(op); }

}  // namespace nodec::lowering
