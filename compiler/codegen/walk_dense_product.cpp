// Products of matrices without a batch: out[m, n] = start[m, n] + sum_k a[m, k] * b[k, n], each
// output one fma chain in increasing k.
//
// Columns are lanes. A tile of rows by vectors of columns keeps its sums in registers, and each
// turn of k loads the vectors of b once and broadcasts one element of a for each row. What many
// tiles of rows read again is packed first: the columns of one tile, some turns of k at a time,
// side by side in the nearest cache, whatever the strides of b and however they share its sets
// (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). Between two
// panels the sums stand in `out`, which takes nothing from their bits. Threads take tiles of rows;
// each packs for itself.
#include <algorithm>

#include "compiler/codegen/walk.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

class Walker::DenseProduct {
 public:
  DenseProduct(Walker& walker, const DenseMatmul& k, std::vector<Operand> x)
      : w_(walker),
        e_(walker.e_),
        k_(k),
        a_(std::move(x[0])),
        b_(std::move(x[1])),
        start_(std::move(x[2])),
        out_(std::move(x[3])),
        tile_(walker.axis(0).tile),
        vectors_(walker.axis(1).tile),
        block_(walker.axis(2).block),
        packed_(walker.how_->packed),
        width_(vectors_ * walker.e_.lanes()),
        from_zero_(!k.start) {}

  void write() {
    rows_ = w_.evaluate(k_.rows);
    columns_ = w_.evaluate(k_.columns);
    inner_ = w_.evaluate(k_.inner);
    masked_ = !k_.columns.is_constant() || k_.columns.constant() % width_ != 0;
    one_panel_ = block_ == 0 || (k_.inner.is_constant() && k_.inner.constant() <= block_);
    std::tie(first_, last_) = w_.my_share(quotient(rows_, tile_, true));
    const auto size = static_cast<std::int64_t>(bytes(b_.dtype));
    if (packed_) panel_ = e_.local(block_ * width_ * size);
    e_.loop(w_.zero_, columns_, width_, {}, [&](Code column, Emitter::Values) {
      column_ = column;
      if (!one_panel_) each_row([&](Code row) { put(row, {start_of(row)}); });
      const Code step = block_ == 0 ? inner_ : w_.i64(block_);
      e_.while_loop(
          {w_.zero_}, [&](const Emitter::Values& s) { return less(s[0], inner_or_one()); },
          [&](Emitter::Values s) {
            turn_ = s[0];
            turns_ = w_.minimum(step, e_.sub(inner_, turn_));
            if (packed_) pack();
            tiles();
            return Emitter::Values{e_.add(turn_, step_or_one(step))};
          });
      return Emitter::Values{};
    });
  }

 private:
  using Row = std::vector<Code>;  // vectors of neighbouring columns

  Code less(Code x, Code y) { return e_.compare(Compare::Lt, x, y); }
  Code quotient(Code n, std::int64_t d, bool up) {
    return e_.div_signed(up ? e_.add(n, w_.i64(d - 1)) : n, w_.i64(d));
  }
  // A sum of nothing is still written.
  Code inner_or_one() { return e_.select(less(w_.zero_, inner_), inner_, w_.one_); }
  Code step_or_one(Code step) { return e_.select(less(w_.zero_, step), step, w_.one_); }

  // This thread's rows.
  void each_row(const std::function<void(Code row)>& body) {
    const Code end = w_.minimum(w_.times(last_, tile_), rows_);
    e_.loop(w_.times(first_, tile_), end, 1, {}, [&](Code row, Emitter::Values) {
      body(row);
      return Emitter::Values{};
    });
  }

  // Whole tiles of them, then the rest: a shorter tile, or row by row where it is known late.
  void tiles() {
    const Code whole = quotient(rows_, tile_, false);
    e_.loop(first_, w_.minimum(last_, whole), 1, {}, [&](Code t, Emitter::Values) {
      tile(w_.times(t, tile_), tile_);
      return Emitter::Values{};
    });
    const bool known = k_.rows.is_constant();
    if (known && k_.rows.constant() % tile_ == 0) return;
    const Code behind = e_.select(less(first_, whole), whole, first_);
    const Code end = w_.minimum(w_.times(last_, tile_), rows_);
    const std::int64_t height = known ? k_.rows.constant() % tile_ : 1;
    e_.loop(w_.times(behind, tile_), end, height, {}, [&](Code row, Emitter::Values) {
      tile(row, height);
      return Emitter::Values{};
    });
  }

  void tile(Code row, std::int64_t height) {
    const auto size = static_cast<std::int64_t>(bytes(a_.dtype));
    Emitter::Values sums;
    Row a;  // where each row's elements begin
    for (std::int64_t r = 0; r < height; ++r) {
      const Code here = e_.add(row, w_.i64(r));
      for (const Code& s : one_panel_ ? start_of(here) : sums_of(here)) sums.push_back(s);
      const Code at = w_.offset(a_, {here, turn_});
      a.push_back(a_.in_memory ? e_.pointer_add(a_.pointer, w_.times(at, size)) : a_.value);
    }
    sums = e_.loop(w_.zero_, turns_, 1, std::move(sums), [&](Code i, Emitter::Values s) {
      const Row b = packed_ ? panel_row(i) : columns_of(b_, e_.add(turn_, i));
      for (std::int64_t r = 0; r < height; ++r) {
        const auto at = static_cast<std::size_t>(r);
        const Code x = a_.in_memory ? e_.load(a[at], w_.times(i, a_.strides[1]), a_.dtype) : a[at];
        for (std::size_t v = 0; v < b.size(); ++v) {
          Code& sum = s[at * b.size() + v];
          sum = e_.fma(x, b[v], sum);
        }
      }
      return s;
    });
    for (std::int64_t r = 0; r < height; ++r) {
      const auto from = sums.begin() + r * vectors_;
      put(e_.add(row, w_.i64(r)), {from, from + vectors_});
    }
  }

  // ---- rows of the operands, as vectors of this tile's columns ----

  Code column_of(std::int64_t v) { return e_.add(column_, w_.i64(v * e_.lanes())); }
  Code left(std::int64_t v) { return e_.sub(columns_, column_of(v)); }

  Row start_of(Code row) {
    if (from_zero_) {
      const Code zero = w_.spread(e_.constant(scalar_kind(out_.dtype), 0));
      return Row(static_cast<std::size_t>(vectors_), zero);
    }
    return columns_of(start_, row);
  }
  Row sums_of(Code row) { return columns_of(out_, row); }

  // x[row, columns of this tile]; lanes beyond the last column hold anything.
  Row columns_of(const Operand& x, Code row) {
    Row found;
    for (std::int64_t v = 0; v < vectors_; ++v) found.push_back(vector_of(x, row, v));
    return found;
  }

  Code vector_of(const Operand& x, Code row, std::int64_t v) {
    if (!x.in_memory) return w_.spread(x.value);
    const Code begin = w_.times(row, x.strides[0]);
    if (x.strides[1] == 0) return w_.spread(e_.load(x.pointer, begin, x.dtype));
    if (x.strides[1] == 1) {
      const Code at = e_.add(begin, column_of(v));
      return masked_ ? e_.load_lanes_masked(x.pointer, at, x.dtype, left(v))
                     : e_.load_lanes(x.pointer, at, x.dtype);
    }
    Code column = e_.add(w_.spread(column_of(v)), e_.convert(e_.lane_index(), Scalar::I64));
    const Code last = w_.spread(e_.sub(columns_, w_.one_));
    column = e_.select(less(column, last), column, last);
    const Code offsets = e_.mul(column, w_.spread(w_.i64(x.strides[1])));
    return e_.gather(x.pointer, e_.add(w_.spread(begin), offsets), x.dtype);
  }

  void put(Code row, const Row& values) {
    for (std::int64_t v = 0; v < vectors_; ++v) {
      const Code at = e_.add(w_.times(row, out_.strides[0]), column_of(v));
      const Code& value = values[static_cast<std::size_t>(v)];
      if (masked_) {
        e_.store_masked(out_.pointer, at, out_.dtype, value, left(v));
      } else {
        e_.store(out_.pointer, at, out_.dtype, value);
      }
    }
  }

  void pack() {
    e_.loop(w_.zero_, turns_, 1, {}, [&](Code i, Emitter::Values) {
      const Row row = columns_of(b_, e_.add(turn_, i));
      for (std::int64_t v = 0; v < vectors_; ++v) {
        e_.store(panel_, place(i, v), b_.dtype, row[static_cast<std::size_t>(v)]);
      }
      return Emitter::Values{};
    });
  }
  Row panel_row(Code i) {
    Row row;
    for (std::int64_t v = 0; v < vectors_; ++v) {
      row.push_back(e_.load_lanes(panel_, place(i, v), b_.dtype));
    }
    return row;
  }
  Code place(Code i, std::int64_t v) { return e_.add(w_.times(i, width_), w_.i64(v * e_.lanes())); }

  Walker& w_;
  Emitter& e_;
  const DenseMatmul& k_;
  const Operand a_, b_, start_, out_;
  const std::int64_t tile_, vectors_, block_;
  const bool packed_;
  const std::int64_t width_;  // columns of a tile
  const bool from_zero_;
  bool masked_ = false, one_panel_ = true;
  Code rows_, columns_, inner_;
  Code first_, last_;           // this thread's tiles
  Code column_, turn_, turns_;  // where the walk is
  Code panel_;
};

void Walker::kernel(const DenseMatmul& k) {
  std::vector<Operand> x{ready(k.a), ready(k.b), ready_if(k.start), ready(k.out)};
  constexpr Scalar kPointers[] = {Scalar::Pointer, Scalar::Pointer, Scalar::Pointer,
                                  Scalar::Pointer};
  const Code start = x[2].in_memory ? x[2].pointer : x[3].pointer;
  call_shared(0, kPointers, {x[0].pointer, x[1].pointer, start, x[3].pointer},
              [&](std::span<const Code> pointers) {
                for (std::size_t i = 0; i < x.size(); ++i) {
                  if (x[i].in_memory) x[i].pointer = pointers[i];
                }
                // By tiles of rows and of columns in lanes, or else output by output.
                if (axis(1).lanes && !axis(1).team) return DenseProduct(*this, k, x).write();
                vector_product(k, x);
              });
}

}  // namespace nodec
