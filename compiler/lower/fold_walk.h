// How a fold's indices walk a map's.
#pragma once

#include <optional>
#include <vector>

#include "ir/plan.h"

namespace nodec::lowering {

// Index j of a map as start[j] + the sum over a fold's indices i of each[j][i] * i.
class FoldWalk {
 public:
  // Of a map that stores to `to` over `extents`, and a fold that reads `from` over `sizes`, its
  // outer axes and then the inner ones; none where an element of the map is read twice, or the
  // fold's indices do not say which.
  static std::optional<FoldWalk> of(const std::vector<Dim>& extents, const plan::Ref& to,
                                    const std::vector<Dim>& sizes, const plan::Ref& from);

  // What a computation of the map reads, over the fold's indices; none where it has to know its
  // place and the fold begins behind the map's first one.
  std::optional<plan::Source> read(const plan::Source& source) const;

 private:
  std::vector<std::int64_t> start_;
  std::vector<std::vector<std::int64_t>> each_;
  std::size_t indices_ = 0;  // how many the fold has

  std::vector<std::int64_t> over_fold(const std::vector<std::int64_t>& strides) const;
  bool begin(const std::vector<std::int64_t>& strides, std::int64_t offset);
  bool assign(const std::vector<std::int64_t>& strides, std::size_t index, std::int64_t stride);
  bool reads_once(std::size_t axis, const Dim& extent, const std::vector<Dim>& sizes) const;
  bool starts_at_once() const;
};

}  // namespace nodec::lowering
