// Data on its way into and out of tiles: gathered rows, ports' samples, rows for a contraction.
#include <algorithm>

#include "compiler/codegen/walk.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

namespace {

std::int64_t product(const std::vector<std::int64_t>& extents) {
  std::int64_t n = 1;
  for (const std::int64_t e : extents) n *= e;
  return n;
}

}  // namespace

void Walker::kernel(const GatherRows& k) {
  const Operand table = ready(k.table), index = ready(k.index), out = ready(k.out);
  const Code last = e_.sub(evaluate(k.limit), one_);
  each(k.picks, [&](const Indices& pick) {
    const Operand to = at(out, pick);
    const Code row = read_at(index, pick);
    if (row.varying && table.in_memory) return gather_lanes(k, table, to, row, last);
    const Operand from = table.in_memory ? at(table, {clamped(row, last)}) : table;
    each(
        k.row, [&](const Indices& j) { write_at(to, j, read_at(from, j)); }, k.picks.size());
  });
}

// Each lane has a row of its own, of a table without a batch.
void Walker::gather_lanes(const GatherRows& k, const Operand& table, const Operand& out, Code row,
                          Code last) {
  std::vector<Code> rows;
  for (int l = 0; l < e_.lanes(); ++l) {
    rows.push_back(times(clamped(e_.extract(row, l), last), table.strides[0]));
  }
  Operand from = table;
  from.strides.erase(from.strides.begin());
  if (!k.row.empty() && axis(k.picks.size() + k.row.size() - 1).lanes) {
    return transpose_rows(from, out, rows, product(k.row));
  }
  const Code memory = e_.local(kBlock * static_cast<std::int64_t>(bytes(table.dtype)));
  const auto one = [&](const Indices& j) {
    const Code element = offset(from, j);
    for (std::size_t l = 0; l < rows.size(); ++l) {
      e_.store(memory, i64(static_cast<std::int64_t>(l)), table.dtype,
               e_.load(table.pointer, e_.add(rows[l], element), table.dtype));
    }
    write_at(out, j, in_register(e_.load_lanes(memory, zero_, table.dtype), table.dtype));
  };
  each(k.row, one, k.picks.size());
}

// Squares of lanes by lanes; the last of them reaches back over elements that are written already.
void Walker::transpose_rows(const Operand& table, const Operand& out, const std::vector<Code>& rows,
                            std::int64_t width) {
  const auto size = static_cast<std::int64_t>(bytes(table.dtype));
  const std::int64_t lanes = e_.lanes(), whole = width / lanes * lanes;
  const auto square = [&](Code first) {
    const Code start = e_.pointer_add(table.pointer, times(first, size));
    const std::vector<Code> columns = e_.load_transposed(start, rows, table.dtype);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const Code element = e_.add(first, i64(static_cast<std::int64_t>(c)));
      e_.store(out.pointer, times(element, kBlock), out.dtype, columns[c]);
    }
  };
  e_.loop(zero_, i64(whole), lanes, {}, [&](Code first, Emitter::Values) {
    square(first);
    return Emitter::Values{};
  });
  if (whole < width) square(i64(width - lanes));
}

void Walker::kernel(const ScatterRows& k) {
  const Operand update = ready(k.update), index = ready(k.index), out = ready(k.out);
  const Code none = spread(e_.constant(scalar_kind(out.dtype), 0));
  e_.loop(zero_, i64(k.limit * product(k.row)), 1, {}, [&](Code element, Emitter::Values) {
    e_.store(out.pointer, times(element, kBlock), out.dtype, none);
    return Emitter::Values{};
  });
  each(k.picks, [&](const Indices& pick) {
    const Operand to = at(out, {clamped(read_at(index, pick), i64(k.limit - 1))});
    const Operand from = at(update, pick);
    const auto one = [&](const Indices& j) {
      write_at(to, j, e_.add(read_at(to, j), spread(read_at(from, j))));
    };
    each(k.row, one, k.picks.size());
  });
}

void Walker::kernel(const Transfer& k) {
  const Code batch = symbol(plan_.signature.batch);
  const Code end = e_.add(tile_.sample, i64(e_.lanes()));
  e_.branch(
      e_.compare(Compare::Le, end, batch),
      [&] {
        move(k, true);
        return Emitter::Values{};
      },
      [&] {
        move(k, false);
        return Emitter::Values{};
      });
}

// Lanes without a sample repeat the last one; nothing is written for them. Lanes are counted from
// the tile's first sample: then 32 bits hold their offsets, in vectors no wider than those of f32.
void Walker::move(const Transfer& k, bool full) {
  const Operand dense = ready(k.dense), lanes = ready(k.lanes);
  const auto size = static_cast<std::int64_t>(bytes(dense.dtype));
  const Code batch = symbol(plan_.signature.batch);
  const std::int64_t sample_stride = k.batch_last ? 1 : k.batch_stride;
  const Code element_stride = k.batch_last ? batch : one_;
  const Code left = e_.sub(batch, tile_.sample);  // negative in a tile of padding alone
  Code lane = e_.lane_index();
  if (!full) {
    const Code last = spread(e_.convert(e_.sub(left, one_), Scalar::I32));
    lane = e_.select(e_.compare(Compare::Lt, lane, last), lane, last);
  }
  const Code stride = e_.constant(Scalar::I32, static_cast<double>(sample_stride));
  const Code offsets = e_.mul(lane, spread(stride));
  const Code first = times(tile_.sample, sample_stride);
  each(k.extents, [&](const Indices& at) {
    const Code start = e_.add(e_.mul(offset(dense, at), element_stride), first);
    const Code pointer = e_.pointer_add(dense.pointer, times(start, size));
    if (!k.import) return put_samples(k, pointer, spread(read_at(lanes, at)), full, left);
    const Code value = full && k.batch_last ? e_.load_lanes(pointer, zero_, dense.dtype)
                                            : e_.gather(pointer, offsets, dense.dtype);
    write_at(lanes, at, in_register(value, dense.dtype));
  });
}

// One element of the tile's samples to where they stand in a port, the first of them at `pointer`.
void Walker::put_samples(const Transfer& k, Code pointer, Code value, bool full, Code left) {
  const Dtype dtype = plan_.buffers[static_cast<std::size_t>(k.dense.buffer)].dtype;
  if (k.batch_last) {
    const Code some = e_.select(e_.compare(Compare::Lt, left, zero_), zero_, left);
    if (full) return e_.store(pointer, zero_, dtype, value);
    return e_.store_masked(pointer, zero_, dtype, value, some);
  }
  if (full) {
    const Code stride = e_.constant(Scalar::I32, static_cast<double>(k.batch_stride));
    return e_.scatter(pointer, e_.mul(e_.lane_index(), spread(stride)), dtype, value);
  }
  const Code memory = e_.local(kBlock * static_cast<std::int64_t>(bytes(dtype)));
  e_.store(memory, zero_, dtype, value);
  e_.loop(zero_, minimum(left, i64(e_.lanes())), 1, {}, [&](Code lane, Emitter::Values) {
    e_.store(pointer, times(lane, k.batch_stride), dtype, e_.load(memory, lane, dtype));
    return Emitter::Values{};
  });
}

void Walker::kernel(const TransposeRows& k) {
  const Operand x = ready(k.x);
  constexpr Scalar kParameters[] = {Scalar::Pointer, Scalar::Pointer, Scalar::I64};
  call_shared(0, kParameters, {x.pointer, base(k.rows), tile_.sample},
              [&](std::span<const Code> p) {
                Operand tile = x;
                tile.pointer = p[0];
                transpose_tile(tile, p[1], times(p[2], k.width), k.width);
              });
}

// A tile's samples as rows from element `first` on: squares of lanes if they are, then element by
// element.
void Walker::transpose_tile(const Operand& x, Code rows, Code first, std::int64_t width) {
  const Dtype dtype = x.dtype;
  const std::int64_t lanes = e_.lanes(), whole = axis(0).lanes ? width / lanes * lanes : 0;
  if (whole > 0) {
    e_.loop(zero_, i64(whole), lanes, {}, [&](Code element, Emitter::Values) {
      std::vector<Code> columns;
      for (std::int64_t c = 0; c < lanes; ++c) {
        columns.push_back(read_at(x, {e_.add(element, i64(c))}));
      }
      const std::vector<Code> samples = e_.transpose(columns);
      for (std::int64_t s = 0; s < lanes; ++s) {
        const Code at = e_.add(e_.add(first, i64(s * width)), element);
        e_.store(rows, at, dtype, samples[static_cast<std::size_t>(s)]);
      }
      return Emitter::Values{};
    });
  }
  if (whole == width) return;
  const auto size = static_cast<std::int64_t>(bytes(dtype));
  const Code stride = e_.constant(Scalar::I32, static_cast<double>(width));
  const Code offsets = e_.mul(e_.lane_index(), spread(stride));
  e_.loop(i64(whole), i64(width), 1, {}, [&](Code element, Emitter::Values) {
    const Code start = e_.pointer_add(rows, times(e_.add(first, element), size));
    e_.scatter(start, offsets, dtype, spread(read_at(x, {element})));
    return Emitter::Values{};
  });
}

}  // namespace nodec
