// Products and sums on one tile. They keep a tile of running sums in registers (one fma chain each,
// in order) and stream the rest: each weight is loaded once per tile and broadcast by the fma that
// uses it.
#include <algorithm>
#include <array>

#include "compiler/codegen/walk.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"

namespace nodec {

using namespace plan;

void Walker::kernel(const MatVec& k) {
  const std::vector<Operand> x{ready(k.weight), ready(k.x), ready_if(k.start), ready(k.out)};
  const std::int64_t tile = axis(0).tile;
  const std::int64_t whole = k.rows / tile * tile;
  if (whole == tile) {
    matvec_rows(k, x, zero_, tile);
  } else {
    e_.loop(zero_, i64(whole), tile, {}, [&](Code first, Emitter::Values) {
      matvec_rows(k, x, first, tile);
      return Emitter::Values{};
    });
  }
  if (whole < k.rows) matvec_rows(k, x, i64(whole), k.rows - whole);
}

void Walker::matvec_rows(const MatVec& k, const std::vector<Operand>& x, Code first,
                         std::int64_t rows) {
  const auto& [weight, in, start, out] = std::tie(x[0], x[1], x[2], x[3]);
  const auto size = static_cast<std::int64_t>(bytes(weight.dtype));
  Code row_pointer;
  if (weight.in_memory) {
    row_pointer = e_.pointer_add(weight.pointer, times(first, weight.strides[0] * size));
  }
  Emitter::Values sums;
  for (std::int64_t r = 0; r < rows; ++r) {
    const Code from =
        k.start ? read_at(start, {e_.add(first, i64(r))}) : e_.constant(scalar_kind(out.dtype), 0);
    sums.push_back(spread(from));
  }
  sums = turns(1, k.inner, std::move(sums), [&](Code i, Emitter::Values s) {
    const Code v = spread(read_at(in, {i}));
    const Code column = times(i, weight.strides[1]);
    for (std::int64_t r = 0; r < rows; ++r) {
      const Code at = e_.add(column, i64(r * weight.strides[0]));
      const Code w = weight.in_memory ? e_.load(row_pointer, at, weight.dtype) : weight.value;
      s[static_cast<std::size_t>(r)] = e_.fma(w, v, s[static_cast<std::size_t>(r)]);
    }
    return s;
  });
  for (std::int64_t r = 0; r < rows; ++r) {
    write_at(out, {e_.add(first, i64(r))}, sums[static_cast<std::size_t>(r)]);
  }
}

// The first slot of this tile's lanes, of this chunk.
Code Walker::slot_pointer(int buffer) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  return e_.pointer_add(base(buffer), times(tile_.chunk, b.elements * kBlock * size));
}

void Walker::kernel(const SlotSum& k) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(k.slots)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  const Code slots = e_.pointer_add(slot_pointer(k.slots), times(tile_.lane, size));
  std::vector<std::array<Operand, 2>> x;
  for (const SlotTerm& t : k.terms) {
    const Operand first = ready(t.x);
    x.push_back({first, ready_if(t.y)});
  }
  std::int64_t outputs = 1;
  std::vector<std::int64_t> strides(k.outer.size());
  for (std::size_t i = k.outer.size(); i-- > 0;) {
    strides[i] = outputs * kBlock;
    outputs *= k.outer[i];
  }
  each(k.outer, [&](const Indices& outer) {
    Code at = zero_;
    for (std::size_t i = 0; i < outer.size(); ++i) at = e_.add(at, times(outer[i], strides[i]));
    const Code before = e_.load_lanes(slots, at, b.dtype);
    Code after = before;
    for (std::size_t t = 0; t < x.size(); ++t) after = add_term(k, t, x[t], outer, after);
    e_.store(slots, at, b.dtype, e_.select(tile_.valid, after, before));
  });
}

// The sum, gone on over one term's elements.
Code Walker::add_term(const SlotSum& k, std::size_t number, const std::array<Operand, 2>& x,
                      Indices at, Code sum) {
  const SlotTerm& term = k.terms[number];
  const std::size_t axis = at.size() - k.outer.size();
  if (axis < term.inner.size()) {
    return turns(at.size(), term.inner[axis], {sum}, [&](Code i, Emitter::Values turn) {
      Indices deeper = at;
      deeper.push_back(i);
      return Emitter::Values{add_term(k, number, x, std::move(deeper), turn[0])};
    })[0];
  }
  Code v = read_at(x[0], at);
  if (term.scale) v = e_.mul(scalars_[static_cast<std::size_t>(*term.scale)], v);
  if (term.y) return e_.fma(v, read_at(x[1], at), sum);
  if (k.op->primitive == &sum_p) return e_.add(sum, v);
  return spread(k.op->primitive->fold.step(e_, *k.op, {sum}, spread(v), zero_).back());
}

void Walker::kernel(const SlotContract& k) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(k.slots)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  const Code slots = e_.pointer_add(slot_pointer(k.slots), times(tile_.lane, size));
  std::vector<std::array<Operand, 2>> x;
  for (const ContractTerm& t : k.terms) x.push_back({ready(t.g), ready(t.h)});
  const std::int64_t rows = axis(0).tile, columns = axis(1).tile;
  const auto strip = [&](Code row, std::int64_t row_count) {
    const std::int64_t whole = k.columns / columns * columns;
    e_.loop(zero_, i64(whole), columns, {}, [&](Code column, Emitter::Values) {
      contract_tile(k, x, slots, row, column, row_count, columns);
      return Emitter::Values{};
    });
    if (whole < k.columns) {
      contract_tile(k, x, slots, row, i64(whole), row_count, k.columns - whole);
    }
  };
  const std::int64_t whole = k.rows / rows * rows;
  e_.loop(zero_, i64(whole), rows, {}, [&](Code row, Emitter::Values) {
    strip(row, rows);
    return Emitter::Values{};
  });
  if (whole < k.rows) strip(i64(whole), k.rows - whole);
}

void Walker::contract_tile(const SlotContract& k, const std::vector<std::array<Operand, 2>>& x,
                           Code slots, Code row, Code column, std::int64_t rows,
                           std::int64_t columns) {
  const Dtype dtype = plan_.buffers[static_cast<std::size_t>(k.slots)].dtype;
  const Code first = times(e_.add(times(row, k.columns), column), kBlock);
  std::vector<Code> before, sums;
  const auto at = [&](std::int64_t r, std::int64_t c) {
    return e_.add(first, i64((r * k.columns + c) * kBlock));
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      before.push_back(e_.load_lanes(slots, at(r, c), dtype));
    }
  }
  sums = before;
  for (std::size_t t = 0; t < k.terms.size(); ++t) {
    std::vector<Code> g;
    for (std::int64_t r = 0; r < rows; ++r) {
      Code v = read_at(x[t][0], {e_.add(row, i64(r))});
      if (const auto scale = k.terms[t].scale) {
        v = e_.mul(scalars_[static_cast<std::size_t>(*scale)], v);
      }
      g.push_back(spread(v));
    }
    for (std::int64_t c = 0; c < columns; ++c) {
      const Code h = spread(read_at(x[t][1], {e_.add(column, i64(c))}));
      for (std::int64_t r = 0; r < rows; ++r) {
        Code& sum = sums[static_cast<std::size_t>(r * columns + c)];
        sum = e_.fma(g[static_cast<std::size_t>(r)], h, sum);
      }
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto i = static_cast<std::size_t>(r * columns + c);
      e_.store(slots, at(r, c), dtype, e_.select(tile_.valid, sums[i], before[i]));
    }
  }
}

}  // namespace nodec
