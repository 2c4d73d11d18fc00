// Products of matrices without a batch: out[m, n] = start[m, n] + sum_k a[m, k] * b[k, n], each
// output one fma chain in increasing k.
//
// Columns are lanes. A tile of rows by vectors of columns keeps its sums in registers, and each
// turn of k loads the vectors of b once and broadcasts one element of a for each row. What many
// tiles of rows read again is packed first: the columns of one tile, some turns of k at a time,
// side by side in the nearest cache, whatever the strides of b and however they share its sets
// (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). Between two
// panels the sums stand in `out`, which takes nothing from their bits. Members take tiles of rows;
// each packs for itself.
#pragma once

#include <functional>
#include <vector>

#include "compiler/codegen/elements.h"

namespace nodec::codegen {

class DenseProduct {
 public:
  // x: a, b, start, out.
  DenseProduct(Writing& writing, Places& places, Elements& elements, const plan::DenseMatmul& k,
               std::vector<Operand> x);
  void write();

 private:
  using Row = std::vector<Code>;  // vectors of neighbouring columns

  // This member's rows; tiles of them, whole ones and then the rest.
  void each_row(const std::function<void(Code row)>& body);
  void tiles();
  void tile(Code row, std::int64_t height);
  void panels();
  void pack();

  // Rows of the operands, as vectors of this tile's columns.
  Row start_of(Code row);
  Row columns_of(const Operand& x, Code row);  // lanes beyond the last column hold anything
  Code vector_of(const Operand& x, Code row, std::int64_t v);
  Row panel_row(Code i);
  void put(Code row, const Row& values);
  Code column_of(std::int64_t v) { return w_.e.add(column_, w_.index(v * w_.e.lanes())); }
  Code left(std::int64_t v) { return w_.e.sub(columns_, column_of(v)); }
  Code panel_place(Code i, std::int64_t v);

  Writing& w_;
  Elements& elements_;
  const plan::DenseMatmul& k_;
  const Operand a_, b_, start_, out_;
  const std::int64_t tile_, vectors_, block_;
  const bool packed_;
  const std::int64_t width_;  // columns of a tile
  const Code rows_, columns_, inner_;
  const bool masked_, one_panel_;
  Share mine_;                  // tiles of rows
  Code column_, turn_, turns_;  // where the walk is
  Code panel_;
};

}  // namespace nodec::codegen
