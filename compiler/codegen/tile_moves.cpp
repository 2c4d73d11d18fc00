// Rows and ports in and out of the tile at hand.
#include "compiler/codegen/tile_moves.h"

#include "ir/abi.h"

namespace nodec::codegen {

using namespace plan;

namespace {

std::int64_t product(const std::vector<std::int64_t>& extents) {
  std::int64_t n = 1;
  for (const std::int64_t e : extents) n *= e;
  return n;
}

}  // namespace

void TileMoves::write(const GatherRows& k) {
  const Operand table = elements_.ready(k.table), index = elements_.ready(k.index);
  const Operand out = elements_.ready(k.out);
  const Code last = w_.e.sub(places_.evaluate(k.limit), w_.one);
  w_.all(k.picks, [&](const Indices& pick) {
    const Operand to = elements_.at(out, pick);
    const Code row = elements_.clamped(elements_.read_at(index, pick), last);
    if (row.varying && table.in_memory) return gather_lanes(k, table, to, row);
    const Operand from = table.in_memory ? elements_.at(table, {row}) : table;
    const auto one = [&](const Indices& j) {
      elements_.write_at(to, j, elements_.read_at(from, j));
    };
    w_.elements(k.row, one, k.picks.size());
  });
}

// Each lane has a row of its own, of a table without a batch: element by element, or squares of
// lanes by lanes.
void TileMoves::gather_lanes(const GatherRows& k, const Operand& table, const Operand& out,
                             Code row) {
  const Code stride = w_.index(table.strides[0]);
  Operand from = table;
  from.strides.erase(from.strides.begin());
  if (k.row.empty() || !w_.axis(k.picks.size() + k.row.size() - 1).lanes) {
    const auto one = [&](const Indices& j) {
      const Code column = elements_.offset(from, j);
      const Code value = w_.e.load_rows(table.pointer, row, stride, column, 1, table.dtype).front();
      elements_.write_at(out, j, elements_.in_register(value, table.dtype));
    };
    return w_.elements(k.row, one, k.picks.size());
  }
  const std::int64_t width = product(k.row), lanes = w_.e.lanes(), whole = width / lanes * lanes;
  const auto move = [&](Code first, std::int64_t n) {
    const std::vector<Code> columns =
        w_.e.load_rows(table.pointer, row, stride, first, int(n), table.dtype);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const Code element = w_.e.add(first, w_.index(std::int64_t(c)));
      w_.e.store(out.pointer, w_.times(element, kBlock), out.dtype, columns[c]);
    }
  };
  w_.each(w_.index(whole), lanes, [&](Code first) { move(first, lanes); });
  rest(w_.axis(k.picks.size() + k.row.size() - 1), whole, width, move);
}

void TileMoves::write(const ScatterRows& k) {
  const Operand update = elements_.ready(k.update), index = elements_.ready(k.index);
  const Operand out = elements_.ready(k.out);
  const Code none = w_.spread(w_.nothing(out.dtype));
  w_.each(w_.index(k.limit), 1, [&](Code row) {
    const Operand to = elements_.at(out, {row});
    w_.elements(
        k.row, [&](const Indices& j) { elements_.write_at(to, j, none); }, k.picks.size());
  });
  w_.all(k.picks, [&](const Indices& pick) {
    const Code row = elements_.clamped(elements_.read_at(index, pick), w_.index(k.limit - 1));
    const Operand to = elements_.at(out, {row}), from = elements_.at(update, pick);
    const auto one = [&](const Indices& j) {
      const Code before = elements_.read_at(to, j);
      elements_.write_at(to, j, w_.e.add(before, w_.spread(elements_.read_at(from, j))));
    };
    w_.elements(k.row, one, k.picks.size());
  });
}

void TileMoves::write(const Transfer& k) {
  const Code end = w_.e.add(places_.tile().sample, w_.index(w_.e.lanes()));
  const Code full = w_.e.compare(Compare::Le, end, places_.batch());
  w_.when(
      full, [&] { move(k, true); }, [&] { move(k, false); });
}

// Lanes without a sample repeat the last one; nothing is written for them. Lanes are counted from
// the tile's first sample: then 32 bits hold their offsets, in vectors no wider than those of f32.
void TileMoves::move(const Transfer& k, bool full) {
  Emitter& e = w_.e;
  const Operand dense = elements_.ready(k.dense), lanes = elements_.ready(k.lanes);
  const Code batch = places_.batch();
  const std::int64_t sample_stride = k.batch_last ? 1 : k.batch_stride;
  const Code element_stride = k.batch_last ? batch : w_.one;
  const Code left = e.sub(batch, places_.tile().sample);  // negative in a tile of padding alone
  Code lane = e.lane_index();
  if (!full) {
    const Code last = w_.spread(e.convert(e.sub(left, w_.one), Scalar::I32));
    lane = e.select(e.compare(Compare::Lt, lane, last), lane, last);
  }
  const Code stride = e.constant(Scalar::I32, double(sample_stride));
  const Code offsets = e.mul(lane, w_.spread(stride));
  const Code first = w_.times(places_.tile().sample, sample_stride);
  w_.elements(k.extents, [&](const Indices& at) {
    const Code start = e.add(e.mul(elements_.offset(dense, at), element_stride), first);
    const Code pointer = e.pointer_add(dense.pointer, w_.times(start, size_of(dense.dtype)));
    if (!k.import) {
      return put_samples(k, pointer, w_.spread(elements_.read_at(lanes, at)), full, left);
    }
    const Code value = full && k.batch_last ? e.load_lanes(pointer, w_.zero, dense.dtype)
                                            : e.gather(pointer, offsets, dense.dtype);
    elements_.write_at(lanes, at, elements_.in_register(value, dense.dtype));
  });
}

// One element of the tile's samples to where they stand in a port, the first of them at `pointer`.
void TileMoves::put_samples(const Transfer& k, Code pointer, Code value, bool full, Code left) {
  Emitter& e = w_.e;
  const Dtype dtype = w_.buffer(k.dense.buffer).dtype;
  if (k.batch_last) {
    const Code some = e.select(e.compare(Compare::Lt, left, w_.zero), w_.zero, left);
    if (full) return e.store(pointer, w_.zero, dtype, value);
    return e.store_masked(pointer, w_.zero, dtype, value, some);
  }
  if (full) {
    const Code stride = e.constant(Scalar::I32, double(k.batch_stride));
    return e.scatter(pointer, e.mul(e.lane_index(), w_.spread(stride)), dtype, value);
  }
  const Code memory = e.local(kBlock * size_of(dtype));
  e.store(memory, w_.zero, dtype, value);
  w_.each(w_.minimum(left, w_.index(e.lanes())), 1, [&](Code lane) {
    const Code one = e.load(memory, lane, dtype);
    e.store(pointer, w_.times(lane, k.batch_stride), dtype, one);
  });
}

void TileMoves::write(const TransposeRows& k) {
  const Operand x = elements_.ready(k.x);
  const Code rows = places_.base(k.rows);
  constexpr Scalar kParameters[] = {Scalar::Pointer, Scalar::Pointer, Scalar::Index};
  functions_.call(0, kParameters, std::vector<Code>{x.pointer, rows, places_.tile().sample},
                  [&](std::span<const Code> p) {
                    Operand tile = x;
                    tile.pointer = p[0];
                    put_rows(tile, p[1], w_.times(p[2], k.width), k.width);
                  });
}

// The elements behind whole squares.
void TileMoves::rest(const Axis& how, std::int64_t whole, std::int64_t width,
                     const std::function<void(Code first, std::int64_t n)>& move) {
  const std::int64_t lanes = w_.e.lanes();
  if (whole == width) return;
  if (how.rest == Rest::Back && whole > 0) return move(w_.index(width - lanes), lanes);
  w_.elements({width - whole},
              [&](const Indices& at) { move(w_.e.add(at[0], w_.index(whole)), 1); });
}

// A tile's samples as rows from element `first` on: squares of lanes if they are.
void TileMoves::put_rows(const Operand& x, Code rows, Code first, std::int64_t width) {
  const std::int64_t lanes = w_.e.lanes();
  const std::int64_t whole = w_.axis(0).lanes ? width / lanes * lanes : 0;
  const auto put = [&](Code element, std::int64_t n) {
    std::vector<Code> columns;
    for (std::int64_t c = 0; c < n; ++c) {
      columns.push_back(w_.spread(elements_.read_at(x, {w_.e.add(element, w_.index(c))})));
    }
    w_.e.store_rows(rows, w_.e.lane_index(), w_.index(width), w_.e.add(first, element), x.dtype,
                    columns);
  };
  if (whole > 0) w_.each(w_.index(whole), lanes, [&](Code element) { put(element, lanes); });
  rest(w_.axis(0), whole, width, put);
}

}  // namespace nodec::codegen
