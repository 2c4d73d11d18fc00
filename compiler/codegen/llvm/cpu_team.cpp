// Threads that take neighbours, and lanes that are the elements of a vector.
#include "compiler/codegen/llvm/cpu_team.h"

#include <algorithm>

#include "ir/abi.h"

namespace nodec::codegen {

void CpuTeam::each(Code begin, Code end, std::int64_t step, const std::function<void(Code)>& body) {
  e_.loop(begin, end, e_.index(step), {}, [&](Code at, const Emitter::Values&) {
    body(at);
    return Emitter::Values{};
  });
}

// Thread t of n takes units [t*c/n, (t+1)*c/n) of c: neighbours.
Share CpuTeam::share(Code count) {
  const Code threads = e_.members(), thread = e_.member(), one = e_.index(1);
  const Code first = e_.quotient(e_.mul(thread, count), threads);
  const Code last = e_.quotient(e_.mul(e_.add(thread, one), count), threads);
  return {first, last, one};
}

Code CpuTeam::has(const Share& share, Code unit) {
  const Code from_first = e_.compare(Compare::Ge, unit, share.first);
  return e_.bit_and(from_first, e_.compare(Compare::Lt, unit, share.last));
}

void CpuTeam::chunks(Code count, const std::function<void(Code chunk)>& body) {
  const Share mine = share(count);
  each(mine.first, mine.last, 1, body);
  e_.count_chunks(e_.sub(mine.last, mine.first));
}

Emitter::Values CpuTeam::over_tiles(Code chunk, Code blocks, const Emitter::Values& state,
                                    const TileTurn& body) {
  const Code first = e_.mul(chunk, e_.index(kChunk));
  const Code behind = e_.add(first, e_.index(kChunk));
  const Code last = e_.select(e_.compare(Compare::Lt, behind, blocks), behind, blocks);
  const Code zero = e_.index(0);
  return e_.loop(first, last, e_.index(1), state, [&](Code block, Emitter::Values s) {
    const Code half = e_.sub(block, first);
    if (e_.lanes() == kBlock) return body({block, half, zero}, std::move(s));
    return e_.loop(zero, e_.index(kBlock), e_.index(e_.lanes()), std::move(s),
                   [&](Code lane, Emitter::Values inner) {
                     return body({block, half, lane}, std::move(inner));
                   });
  });
}

void CpuTeam::tiles(Code chunk, Code blocks, const std::function<void(const Tile&)>& body) {
  over_tiles(chunk, blocks, {}, [&](const Tile& tile, const Emitter::Values&) {
    body(tile);
    return Emitter::Values{};
  });
}

Code CpuTeam::any(Code chunk, Code blocks, const std::function<Code(const Tile&)>& holds) {
  const Code none = e_.constant(Scalar::Pred, 0);
  const auto turn = [&](const Tile& tile, const Emitter::Values& found) {
    return Emitter::Values{e_.bit_or(found[0], e_.any(holds(tile)))};
  };
  return over_tiles(chunk, blocks, {none}, turn)[0];
}

void CpuTeam::elements(const std::vector<Extent>& extents,
                       const std::function<void(const Indices& at)>& body) {
  const Code zero = e_.index(0);
  const auto along = [&](std::size_t i, const Deeper& deeper) {
    const std::int64_t n = extents[i].count, tile = std::min(extents[i].tile, n);
    if (n == 1) return deeper(zero);
    const std::int64_t whole = tile <= 1 ? n : n / tile * tile;
    each(zero, e_.index(whole), std::max<std::int64_t>(tile, 1), [&](Code first) {
      deeper(first);
      for (std::int64_t u = 1; u < tile; ++u) deeper(e_.add(first, e_.index(u)));
    });
    for (std::int64_t u = whole; u < n; ++u) deeper(e_.index(u));
  };
  nest(extents.size(), along, body);
}

void CpuTeam::rows(std::int64_t count, std::int64_t tile, const Rows& body) {
  const std::int64_t whole = count / tile * tile;
  const Code zero = e_.index(0);
  if (whole == tile) {
    body(zero, tile, 1);
  } else {
    each(zero, e_.index(whole), tile, [&](Code first) { body(first, tile, 1); });
  }
  if (whole < count) body(e_.index(whole), count - whole, 1);
}

void CpuTeam::squares(Extent rows, Extent columns, const Square& body) {
  const Code zero = e_.index(0);
  const auto tiles = [&](Extent axis, const std::function<void(Code, std::int64_t)>& write) {
    const std::int64_t whole = axis.count / axis.tile * axis.tile;
    each(zero, e_.index(whole), axis.tile, [&](Code first) { write(first, axis.tile); });
    if (whole < axis.count) write(e_.index(whole), axis.count - whole);
  };
  tiles(rows, [&](Code row, std::int64_t height) {
    tiles(columns, [&](Code column, std::int64_t width) { body(row, height, column, width); });
  });
}

void CpuTeam::finish(const Share& mine, Code, const std::function<Code(Code output)>& sum,
                     const std::function<void(Code output, Code sum)>& put) {
  each(mine.first, mine.last, 1, [&](Code output) { put(output, sum(output)); });
}

}  // namespace nodec::codegen
