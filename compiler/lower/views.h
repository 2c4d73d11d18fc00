// Values as affine references: what a value is a view of, and how its elements lie there.
//
// A broadcast, transpose, slice or reshape moves no data: it is the same elements in another order.
// So a value is resolved to a *base* value (one that some kernel writes) and strides over it;
// kernels read through the strides. The batch axis never shows: it is the lanes.
//
// Knows the program's batch, which region arguments stand for outer values, and how the tensors
// lie that functions are given.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "ir/plan.h"

namespace nodec::lowering {

// A value as an affine function of the elements of the value it is a view of. Strides and extents
// go over the element axes: all but the batch.
struct View {
  const Value* base = nullptr;
  std::vector<std::int64_t> strides;
  std::int64_t start = 0;
};

// Where v was made, for a message about it; nothing for an input.
std::vector<Note> origin(const Value* v);

// A number that the program's text or a size gives, in no memory.
bool is_constant(const Value* base);

// The axes that a reduction removes.
std::vector<std::int64_t> folded_axes(const Op& op);

// A reduction's element axes: the sizes of those it keeps and of those it folds, and an operand's
// strides over the kept ones, then the others.
template <class Size>
struct FoldAxes {
  std::vector<Size> outer, inner;
  std::vector<std::int64_t> strides;
};

class Views {
 public:
  explicit Views(std::string batch) : batch_(std::move(batch)) {}

  const std::string& batch() const { return batch_; }
  bool varying(const Value* v) const;
  std::vector<int> element_axes(const Value* v) const;
  std::vector<Dim> element_dims(const Value* v) const;
  std::vector<std::int64_t> extents(const Value* v) const;  // element dims, which must be numbers
  std::int64_t elements(const Value* v) const;
  // Strides of elements laid out plainly: row-major, but that an axis whose size is a symbol is
  // outermost, so that strides are numbers.
  std::vector<std::int64_t> plain(const Value* v) const;
  bool is_row_major(const Value* v) const;                    // laid out plainly
  std::vector<std::int64_t> row_major(const Value* v) const;  // those strides; else an Error
  std::vector<Dim> row_dims(const Value* table) const;        // the sizes of a table's rows
  // `sizes` and `strides` stand in the order of the reduced value's element axes.
  template <class Size>
  FoldAxes<Size> fold_axes(const Op& reduction, const std::vector<Size>& sizes,
                           const std::vector<std::int64_t>& strides) const;

  View resolve(const Value* v) const;
  bool is_view(const Op& op) const;  // moves no data
  bool contiguous(const Value* v, const View& view) const;
  bool is_whole(const Value* v) const;  // all of its base, element by element
  // All of the op's operands, as what has to be made before.
  std::vector<const Value*> bases(const Op& op) const;
  // Where a generator stands: its index along an axis, or among all elements and samples.
  plan::Source element_index(const Op& op) const;

  // From now on `arg` is `outer`.
  void stand_for(const Value* arg, const Value* outer) { outer_[arg] = outer; }
  const Value* follow(const Value* v) const;
  // A function's argument that lies in another way than plainly.
  void lies(const Value* arg, std::vector<std::int64_t> strides) {
    strides_[arg] = std::move(strides);
  }

 private:
  std::optional<View> reshaped(const Value* v) const;
  bool moves_elements(const Op& op) const;

  std::string batch_;
  std::map<const Value*, const Value*> outer_;
  std::map<const Value*, std::vector<std::int64_t>> strides_;
};

template <class Size>
FoldAxes<Size> Views::fold_axes(const Op& reduction, const std::vector<Size>& sizes,
                                const std::vector<std::int64_t>& strides) const {
  const std::vector<int> axes = element_axes(reduction.operands[0]);
  const std::vector<std::int64_t> folded = folded_axes(reduction);
  FoldAxes<Size> found;
  std::vector<std::int64_t> last;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const bool gone = std::find(folded.begin(), folded.end(), axes[i]) != folded.end();
    (gone ? found.inner : found.outer).push_back(sizes[i]);
    (gone ? last : found.strides).push_back(strides[i]);
  }
  found.strides.insert(found.strides.end(), last.begin(), last.end());
  return found;
}

}  // namespace nodec::lowering
