// Who does what: how the members of a team, and the lanes of a member, share out the work that the
// walker writes down. Each back end has its own; what is walked, and in which order sums are made,
// is the same for all.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ir/emitter.h"

namespace nodec::codegen {

using Indices = std::vector<Code>;

// An axis of a tile: how many elements, and how many of them are written out together.
struct Extent {
  std::int64_t count, tile;
};

// A member's part of a row of units: first, first + step, ... below last.
struct Share {
  Code first, last, step;
};

class Team {
 public:
  virtual ~Team() = default;

  // This member's part of `count` units of work on tensors without a batch.
  virtual Share share(Code count) = 0;
  virtual Code has(const Share& share, Code unit) = 0;  // -> Pred
  // This member's chunks of the batch, one after another.
  virtual void chunks(Code count, const std::function<void(Code chunk)>& body) = 0;
  // The tiles of a chunk, in order: a block of samples and the first slot in it. `blocks` is where
  // the batch ends.
  virtual void tiles(Code chunk, Code blocks,
                     const std::function<void(Code block, Code lane)>& body) = 0;
  // This lane's elements of a tile.
  virtual void elements(const std::vector<Extent>& extents,
                        const std::function<void(const Indices& at)>& body) = 0;
  // Of `count` rows those that are this lane's, `tile` of them at a time and then what is left.
  virtual void rows(std::int64_t count, std::int64_t tile,
                    const std::function<void(Code first, std::int64_t rows)>& body) = 0;
  // Of rows by columns those that are this lane's, a tile of them at a time and then what is left.
  virtual void squares(std::int64_t rows, std::int64_t tile_rows, std::int64_t columns,
                       std::int64_t tile_columns,
                       const std::function<void(Code row, std::int64_t rows, Code column,
                                                std::int64_t columns)>& body) = 0;
};

}  // namespace nodec::codegen
