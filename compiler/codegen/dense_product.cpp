// Tiles of a product, over panels of its right operand.
#include "compiler/codegen/dense_product.h"

#include <algorithm>

namespace nodec::codegen {

using namespace plan;

DenseProduct::DenseProduct(Writing& writing, Places& places, Elements& elements,
                           const DenseMatmul& k, std::vector<Operand> x)
    : w_(writing),
      elements_(elements),
      k_(k),
      a_(std::move(x[0])),
      b_(std::move(x[1])),
      start_(std::move(x[2])),
      out_(std::move(x[3])),
      tile_(w_.axis(0).tile),
      vectors_(w_.axis(1).tile),
      block_(w_.axis(2).block),
      packed_(w_.how->packed),
      width_(vectors_ * w_.e.lanes()),
      rows_(places.evaluate(k.rows)),
      columns_(places.evaluate(k.columns)),
      inner_(places.evaluate(k.inner)),
      masked_(!k.columns.is_constant() || k.columns.constant() % width_ != 0),
      one_panel_(block_ == 0 || (k.inner.is_constant() && k.inner.constant() <= block_)) {}

void DenseProduct::write() {
  const Code above = w_.e.add(rows_, w_.index(tile_ - 1));
  mine_ = w_.share(w_.e.quotient(above, w_.index(tile_)));
  if (packed_) panel_ = w_.e.local(block_ * width_ * size_of(b_.dtype));
  w_.each(columns_, width_, [&](Code column) {
    column_ = column;
    if (!one_panel_) each_row([&](Code row) { put(row, start_of(row)); });
    panels();
  });
}

// At least one, for a sum of nothing is still written.
void DenseProduct::panels() {
  Emitter& e = w_.e;
  const auto less = [&](Code x, Code y) { return e.compare(Compare::Lt, x, y); };
  const auto or_one = [&](Code n) { return e.select(less(w_.zero, n), n, w_.one); };
  const Code step = block_ == 0 ? inner_ : w_.index(block_);
  e.while_loop(
      {w_.zero}, [&](const Emitter::Values& s) { return less(s[0], or_one(inner_)); },
      [&](Emitter::Values s) {
        turn_ = s[0];
        turns_ = w_.minimum(step, e.sub(inner_, turn_));
        if (packed_) pack();
        tiles();
        return Emitter::Values{e.add(turn_, or_one(step))};
      });
}

void DenseProduct::each_row(const std::function<void(Code row)>& body) {
  w_.each(mine_.first, mine_.last, mine_.step, [&](Code t) {
    const Code first = w_.times(t, tile_);
    const Code end = w_.minimum(w_.e.add(first, w_.index(tile_)), rows_);
    w_.each(first, end, w_.one, body);
  });
}

// What is left is a shorter tile, or row by row where it is known late.
void DenseProduct::tiles() {
  const Code whole = w_.e.quotient(rows_, w_.index(tile_));
  w_.each(mine_.first, w_.minimum(mine_.last, whole), mine_.step,
          [&](Code t) { tile(w_.times(t, tile_), tile_); });
  const bool known = k_.rows.is_constant();
  if (known && k_.rows.constant() % tile_ == 0) return;
  const std::int64_t height = known ? k_.rows.constant() % tile_ : 1;
  w_.when(w_.team.has(mine_, whole), [&] {
    w_.each(w_.times(whole, tile_), rows_, w_.index(height), [&](Code row) { tile(row, height); });
  });
}

void DenseProduct::tile(Code row, std::int64_t height) {
  Emitter& e = w_.e;
  Emitter::Values sums;
  Row a;  // where each row's elements begin
  for (std::int64_t r = 0; r < height; ++r) {
    const Code here = e.add(row, w_.index(r));
    for (const Code& s : one_panel_ ? start_of(here) : columns_of(out_, here)) sums.push_back(s);
    const Code at = elements_.offset(a_, {here, turn_});
    a.push_back(a_.in_memory ? e.pointer_add(a_.pointer, w_.times(at, size_of(a_.dtype)))
                             : a_.value);
  }
  sums = e.loop(w_.zero, turns_, w_.one, std::move(sums), [&](Code i, Emitter::Values s) {
    const Row b = packed_ ? panel_row(i) : columns_of(b_, e.add(turn_, i));
    for (std::int64_t r = 0; r < height; ++r) {
      const auto at = std::size_t(r);
      const Code x = a_.in_memory ? e.load(a[at], w_.times(i, a_.strides[1]), a_.dtype) : a[at];
      for (std::size_t v = 0; v < b.size(); ++v) {
        Code& sum = s[at * b.size() + v];
        sum = e.fma(x, b[v], sum);
      }
    }
    return s;
  });
  for (std::int64_t r = 0; r < height; ++r) {
    const auto from = sums.begin() + r * vectors_;
    put(e.add(row, w_.index(r)), {from, from + vectors_});
  }
}

DenseProduct::Row DenseProduct::start_of(Code row) {
  if (k_.start) return columns_of(start_, row);
  return Row(std::size_t(vectors_), w_.spread(w_.nothing(out_.dtype)));
}

DenseProduct::Row DenseProduct::columns_of(const Operand& x, Code row) {
  Row found;
  for (std::int64_t v = 0; v < vectors_; ++v) found.push_back(vector_of(x, row, v));
  return found;
}

Code DenseProduct::vector_of(const Operand& x, Code row, std::int64_t v) {
  Emitter& e = w_.e;
  if (!x.in_memory) return w_.spread(x.value);
  const Code begin = w_.times(row, x.strides[0]);
  if (x.strides[1] == 0) return w_.spread(e.load(x.pointer, begin, x.dtype));
  if (x.strides[1] == 1) {
    const Code at = e.add(begin, column_of(v));
    return masked_ ? e.load_lanes_masked(x.pointer, at, x.dtype, left(v))
                   : e.load_lanes(x.pointer, at, x.dtype);
  }
  const auto wide = [&](Code index) { return w_.spread(e.convert(index, Scalar::I64)); };
  Code column = e.add(wide(column_of(v)), e.convert(e.lane_index(), Scalar::I64));
  const Code last = wide(e.sub(columns_, w_.one));
  column = e.select(e.compare(Compare::Lt, column, last), column, last);
  const Code offsets = e.mul(column, wide(w_.index(x.strides[1])));
  return e.gather(x.pointer, e.add(wide(begin), offsets), x.dtype);
}

void DenseProduct::put(Code row, const Row& values) {
  for (std::int64_t v = 0; v < vectors_; ++v) {
    const Code at = w_.e.add(w_.times(row, out_.strides[0]), column_of(v));
    const Code& value = values[std::size_t(v)];
    if (masked_) {
      w_.e.store_masked(out_.pointer, at, out_.dtype, value, left(v));
    } else {
      w_.e.store(out_.pointer, at, out_.dtype, value);
    }
  }
}

void DenseProduct::pack() {
  w_.each(turns_, 1, [&](Code i) {
    const Row row = columns_of(b_, w_.e.add(turn_, i));
    for (std::int64_t v = 0; v < vectors_; ++v) {
      w_.e.store(panel_, panel_place(i, v), b_.dtype, row[std::size_t(v)]);
    }
  });
}

DenseProduct::Row DenseProduct::panel_row(Code i) {
  Row row;
  for (std::int64_t v = 0; v < vectors_; ++v) {
    row.push_back(w_.e.load_lanes(panel_, panel_place(i, v), b_.dtype));
  }
  return row;
}

Code DenseProduct::panel_place(Code i, std::int64_t v) {
  return w_.e.add(w_.times(i, width_), w_.index(v * w_.e.lanes()));
}

}  // namespace nodec::codegen
