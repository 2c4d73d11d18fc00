// Elements of a map lie plainly in its result (views.h), so a step of the fold, in elements, is so
// many steps of the map's axis with the largest stride that divides it: of a map [3, 20] that is
// folded as [3, 4, 5], axis 1 is 5 * i1 + i2. What is reshaped, transposed or a slice is found so;
// a window that overlaps another, a broadcast, or one index over two axes are not.
#include "compiler/lower/fold_walk.h"

#include <algorithm>
#include <numeric>

namespace nodec::lowering {

using namespace plan;

std::optional<FoldWalk> FoldWalk::of(const std::vector<Dim>& extents, const Ref& to,
                                     const std::vector<Dim>& sizes, const Ref& from) {
  FoldWalk walk;
  walk.indices_ = sizes.size();
  walk.each_.assign(extents.size(), std::vector<std::int64_t>(sizes.size(), 0));
  if (!walk.begin(to.strides, from.start - to.start)) return std::nullopt;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] != Dim(1) && !walk.assign(to.strides, i, from.strides[i])) return std::nullopt;
  }
  for (std::size_t j = 0; j < extents.size(); ++j) {
    if (!walk.reads_once(j, extents[j], sizes)) return std::nullopt;
  }
  return walk;
}

// Where the fold begins, from the map's longest stride to its shortest.
bool FoldWalk::begin(const std::vector<std::int64_t>& strides, std::int64_t offset) {
  start_.assign(strides.size(), 0);
  std::vector<std::size_t> order(strides.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return strides[a] > strides[b]; });
  for (const std::size_t j : order) {
    if (strides[j] <= 0) continue;
    start_[j] = offset / strides[j];
    offset -= start_[j] * strides[j];
  }
  return offset == 0;
}

bool FoldWalk::assign(const std::vector<std::int64_t>& strides, std::size_t index,
                      std::int64_t stride) {
  std::optional<std::size_t> axis;
  for (std::size_t j = 0; j < strides.size(); ++j) {
    if (strides[j] <= 0 || strides[j] > stride || stride % strides[j] != 0) continue;
    if (!axis || strides[j] > strides[*axis]) axis = j;
  }
  if (!axis) return false;
  each_[*axis][index] = stride / strides[*axis];
  return true;
}

// Whether the fold's indices stay on the map's axis and come to no place of it twice.
bool FoldWalk::reads_once(std::size_t axis, const Dim& extent,
                          const std::vector<Dim>& sizes) const {
  const std::vector<std::int64_t>& each = each_[axis];
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < each.size(); ++i) {
    if (each[i] != 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return each[a] < each[b]; });
  Dim passed = 1;  // places that the indices so far come to, from the first to the last
  for (const std::size_t i : order) {
    const bool whole = passed == Dim(each[i]);
    if (!whole && !(passed.is_constant() && passed.constant() < each[i])) return false;
    // (size - 1) * each + passed, which a size that is a symbol has only where nothing is left out.
    if (!whole && !sizes[i].is_constant()) return false;
    passed =
        whole ? sizes[i] * passed : Dim((sizes[i].constant() - 1) * each[i] + passed.constant());
  }
  if (start_[axis] == 0 && passed == extent) return true;
  return start_[axis] >= 0 && passed.is_constant() && extent.is_constant() &&
         start_[axis] + passed.constant() <= extent.constant();
}

bool FoldWalk::starts_at_once() const {
  return std::all_of(start_.begin(), start_.end(), [](std::int64_t at) { return at == 0; });
}

std::vector<std::int64_t> FoldWalk::over_fold(const std::vector<std::int64_t>& strides) const {
  std::vector<std::int64_t> made(indices_, 0);
  for (std::size_t j = 0; j < strides.size(); ++j) {
    for (std::size_t i = 0; i < made.size(); ++i) made[i] += strides[j] * each_[j][i];
  }
  return made;
}

std::optional<Source> FoldWalk::read(const Source& source) const {
  if (const Ref* ref = std::get_if<Ref>(&source)) {
    if (ref->buffer < 0) return source;
    Ref moved = *ref;
    moved.strides = over_fold(ref->strides);
    for (std::size_t j = 0; j < ref->strides.size(); ++j)
      moved.start += ref->strides[j] * start_[j];
    return moved;
  }
  std::vector<std::int64_t> place;
  if (const AxisIndex* along = std::get_if<AxisIndex>(&source)) {
    place.assign(each_.size(), 0);
    place[along->axis] = 1;
  } else if (const ElementIndex* among = std::get_if<ElementIndex>(&source)) {
    place = among->strides;
  } else if (const SampleElementIndex* sample = std::get_if<SampleElementIndex>(&source)) {
    place = sample->strides;
  } else {
    return source;
  }
  if (!starts_at_once()) return std::nullopt;
  place = over_fold(place);
  if (const SampleElementIndex* sample = std::get_if<SampleElementIndex>(&source)) {
    return SampleElementIndex{std::move(place), sample->elements, sample->batch_last};
  }
  return ElementIndex{std::move(place)};
}

}  // namespace nodec::lowering
