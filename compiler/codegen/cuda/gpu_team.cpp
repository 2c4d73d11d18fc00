// The threads of a GPU as samples, parts, slots and units.
#include "compiler/codegen/cuda/gpu_team.h"

#include "ir/abi.h"
#include "ir/schedule.h"

namespace nodec::codegen {

void GpuTeam::each(Code begin, Code end, std::int64_t step, const std::function<void(Code)>& body) {
  each(Share{begin, end, e_.index(step)}, body);
}

void GpuTeam::each(const Share& mine, const std::function<void(Code)>& body) {
  e_.loop(mine.first, mine.last, mine.step, {}, [&](Code at, const Emitter::Values&) {
    body(at);
    return Emitter::Values{};
  });
}

void GpuTeam::when(Code pred, const std::function<void()>& body) {
  e_.branch(
      pred,
      [&] {
        body();
        return Emitter::Values{};
      },
      [] { return Emitter::Values{}; });
}

// Neighbours to neighbouring threads, whose accesses are one.
Share GpuTeam::share(Code count) { return {who("team_thread()"), count, who("team_threads()")}; }

Code GpuTeam::has(const Share& share, Code unit) {
  const Code turns = e_.mul(e_.quotient(unit, share.step), share.step);
  return e_.compare(Compare::Eq, e_.sub(unit, turns), share.first);
}

Share GpuTeam::within(Code count) {
  return {who("member_thread()"), count, e_.index(plan::kWarp * parts_)};
}

void GpuTeam::chunks(Code count, const std::function<void(Code chunk)>& body) {
  each({e_.member(), count, e_.members()}, body);
}

// No loop: a thread has one sample of the chunk. The batch ends with a whole chunk.
void GpuTeam::tiles(Code chunk, Code, const std::function<void(const Tile&)>& body) {
  body({e_.add(e_.mul(chunk, e_.index(kChunk)), half()), half(), slot()});
}

// A sample's first part tells.
Code GpuTeam::any(Code chunk, Code blocks, const std::function<Code(const Tile&)>& holds) {
  const auto tell = [&] {
    Code told{};
    tiles(chunk, blocks, [&](const Tile& tile) { told = holds(tile); });
    return Emitter::Values{told};
  };
  const auto silent = [&] { return Emitter::Values{e_.broadcast(e_.constant(Scalar::Pred, 0))}; };
  if (parts_ == 1) return e_.any(tell()[0]);
  const Code first = e_.compare(Compare::Eq, part(), e_.index(0));
  return e_.any(e_.branch(first, tell, silent)[0]);
}

bool GpuTeam::tiles_in_order(Code chunk, const std::function<void(const Tile&)>& body) {
  in_order_ = true;
  const Code first = e_.mul(chunk, e_.index(kChunk));
  each(e_.index(0), e_.index(kChunk), 1, [&](Code j) { body({e_.add(first, j), j, slot()}); });
  in_order_ = false;
  return true;
}

// The widest axis is dealt out; a single element is the first part's.
void GpuTeam::elements(const std::vector<Extent>& extents,
                       const std::function<void(const Indices& at)>& body) {
  std::size_t widest = extents.size();
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const bool wider = widest == extents.size() || extents[i].count > extents[widest].count;
    if (extents[i].count > 1 && wider) widest = i;
  }
  const auto along = [&](std::size_t i, const Deeper& deeper) {
    if (extents[i].count == 1) return deeper(e_.index(0));
    if (i == widest) return each_part(extents[i].count, deeper);
    each(e_.index(0), e_.index(extents[i].count), 1, deeper);
  };
  if (widest < extents.size()) return nest(extents.size(), along, body);
  each_part(1, [&](Code) { nest(extents.size(), along, body); });
}

// Of `count` those that are this part's: no loop where it has one at most.
void GpuTeam::each_part(std::int64_t count, const std::function<void(Code)>& body) {
  if (count == parts()) return body(part());
  const Code end = e_.index(count);
  if (count > parts()) return each(part(), end, parts(), body);
  when(e_.compare(Compare::Lt, part(), end), [&] { body(part()); });
}

// Row r is part r mod parts's; tiles of rows as long as every part has them.
void GpuTeam::rows(std::int64_t count, std::int64_t tile, const Rows& body) {
  const std::int64_t all = tile * parts(), whole = count / all * all;
  if (whole == all) {
    body(part(), tile, parts());
  } else if (whole > 0) {
    each(part(), e_.index(whole), all, [&](Code first) { body(first, tile, parts()); });
  }
  if (whole == count) return;
  each_part(count - whole, [&](Code row) { body(e_.add(row, e_.index(whole)), 1, parts()); });
}

// A tile that does not divide its axis is one row or column.
void GpuTeam::squares(Extent rows, Extent columns, const Square& body) {
  const std::int64_t height = rows.count % rows.tile == 0 ? rows.tile : 1;
  const std::int64_t width = columns.count % columns.tile == 0 ? columns.tile : 1;
  const std::int64_t across = columns.count / width;
  each_part(rows.count / height * across, [&](Code tile) {
    const Code strip = e_.quotient(tile, e_.index(across));
    const Code beside = e_.sub(tile, e_.mul(strip, e_.index(across)));
    body(e_.mul(strip, e_.index(height)), height, e_.mul(beside, e_.index(width)), width);
  });
}

int GpuTeam::slots_held() const { return int(kBlock); }

// Half a warp for each, a thread a slot.
Share GpuTeam::outputs(Code count) {
  return {who("team_thread() >> 4"), count, who("team_threads() >> 4")};
}

// Whole warps go through it: where one half has no output, it does the last one again and puts
// nothing away.
void GpuTeam::finish(const Share& mine, Code count, const std::function<Code(Code output)>& sum,
                     const std::function<void(Code output, Code sum)>& put) {
  const Code two = e_.index(2), one = e_.index(1);
  const Code even = e_.mul(e_.quotient(e_.add(count, one), two), two), last = e_.sub(count, one);
  each({mine.first, even, mine.step}, [&](Code output) {
    const Code inside = e_.compare(Compare::Lt, output, count);
    const Code total = sum(e_.select(inside, output, last));
    const Code first = e_.compare(Compare::Eq, slot(), e_.index(0));
    when(e_.bit_and(inside, first), [&] { put(output, total); });
  });
}

}  // namespace nodec::codegen
