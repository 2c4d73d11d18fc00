// Who does what: how the members of a team, and the lanes of a member, share out the work that the
// walker writes down. Each back end has its own; what is walked, and in which order sums are made,
// is the same for all.
//
// A *lane* is what one varying value's element belongs to. On a CPU a member is a thread and has
// all lanes of a tile at once; on a GPU a lane is a thread, and several threads (*parts*) share a
// sample's elements.
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

// A part of a row of units: first, first + step, ... below last.
struct Share {
  Code first, last, step;
};

class Team {
 public:
  virtual ~Team() = default;

  // ---- work without samples ----

  // Of `count` units those that are this one's.
  virtual Share share(Code count) = 0;
  virtual Code has(const Share& share, Code unit) = 0;  // -> Pred
  // The same of work that one member does.
  virtual Share within(Code count) = 0;

  // ---- samples ----

  // This member's chunks of the batch, one after another.
  virtual void chunks(Code count, const std::function<void(Code chunk)>& body) = 0;
  // A tile: a block of samples, which one it is of its chunk, and the first slot in it.
  struct Tile {
    Code block, half, lane;
  };
  // The tiles of a chunk. `blocks` is where the batch ends.
  virtual void tiles(Code chunk, Code blocks, const std::function<void(const Tile&)>& body) = 0;
  // The same for sums, which take the blocks in order, where `tiles` does not; or false.
  virtual bool tiles_in_order(Code chunk, const std::function<void(const Tile&)>& body) = 0;
  // Where this lane is, for functions that know neither chunk nor tile: the block in its chunk, and
  // the first slot.
  virtual Code half() = 0;
  virtual Code slot() = 0;
  // Whether it holds (a varying Pred, for lanes that have a sample) somewhere in the chunk.
  virtual Code any(Code chunk, Code blocks,
                   const std::function<Code(const Tile&)>& holds) = 0;  // -> Pred
  // This lane's elements of a tile.
  virtual void elements(const std::vector<Extent>& extents,
                        const std::function<void(const Indices& at)>& body) = 0;
  // Of `count` rows those that are this lane's, `tile` of them at a time, `apart` from each other,
  // and then what is left.
  using Rows = std::function<void(Code first, std::int64_t rows, std::int64_t apart)>;
  virtual void rows(std::int64_t count, std::int64_t tile, const Rows& body) = 0;
  // Of rows by columns those that are this lane's, a tile of them at a time and then what is left.
  using Square =
      std::function<void(Code row, std::int64_t rows, Code column, std::int64_t columns)>;
  virtual void squares(Extent rows, Extent columns, const Square& body) = 0;

  // ---- sums over the batch being finished: slots are lanes ----

  virtual int slots_held() const = 0;  // in one varying value, neighbours' included
  // Of `count` outputs this lane's.
  virtual Share outputs(Code count) = 0;
  // Of these again, by lanes together: `sum` by all of them, then what one of them puts away.
  virtual void finish(const Share& mine, Code count, const std::function<Code(Code output)>& sum,
                      const std::function<void(Code output, Code sum)>& put) = 0;

 protected:
  // Axes one inside the other: `along` walks one of them, each index of which goes deeper.
  using Deeper = std::function<void(Code index)>;
  static void nest(std::size_t axes, const std::function<void(std::size_t, const Deeper&)>& along,
                   const std::function<void(const Indices& at)>& body) {
    Indices at;
    const std::function<void(std::size_t)> axis = [&](std::size_t i) {
      if (i == axes) return body(at);
      along(i, [&, i](Code index) {
        at.push_back(index);
        axis(i + 1);
        at.pop_back();
      });
    };
    axis(0);
  }
};

}  // namespace nodec::codegen
