// What the plan's kernels do, and where the numbers lie that they do it to.
//
// Storage of a varying value: [block][element][16], elements being its other axes in row-major
// order, so addresses do not depend on the vector width. The parts of a tape frame stand together
// block by block: what a thread writes and reads is one piece of memory. Dense tensors are
// row-major, but with a symbolic axis outermost; ports are row-major.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ir/graph.h"

namespace nodec::plan {

// Where numbers live. Element counts are per sample for Lanes, Local, Slots (outputs) and Frame.
struct Buffer {
  enum class Space : std::uint8_t {
    Input,       // a port, dense
    Output,      // a port, dense
    Dense,       // shared by the team
    Scalars,     // each thread's own: what functions cut out of one hand each other
    Table,       // data of the program: a constant
    Lanes,       // [block][element][16]
    Local,       // one tile's values: nothing outside of the one tile list uses them
    Slots,       // [chunk][output][16]
    Frame,       // part of a tape frame, [block][part][element][16]
    FrameDense,  // part of a tape frame, a dense tensor
    ArgLanes,    // a callee's pointer argument: the caller's tile
    ArgDense,    // a callee's pointer argument: a dense tensor
  };
  std::string name;
  Space space = Space::Local;
  Dtype dtype = Dtype::F32;
  std::int64_t elements = 1;  // Lanes, Local, Slots, Frame, ArgLanes
  Dim count;                  // Input, Output, Dense, Scalars, FrameDense: elements in all
  int index = -1;             // port, callee argument, or tape frame variable
  int tape = -1, part = -1;   // Frame, FrameDense: what it is part of, and which one; of the tapes
                              // that a function is given by turns, the first
  Dim offset;                 // Frame, FrameDense: bytes of the frame before it
  std::int64_t block_bytes = 0;  // Frame: from one block to the next
  const Op* constant = nullptr;  // Table: whose `values` these are

  bool varying() const {
    return space == Space::Lanes || space == Space::Local || space == Space::Frame ||
           space == Space::ArgLanes;
  }
};

// Elements of a buffer as an affine function of a kernel's loop indices; or one scalar, never
// neither.
struct Ref {
  int buffer = -1;
  int scalar = -1;                    // instead of memory
  std::vector<std::int64_t> strides;  // per loop index, in elements
  std::int64_t start = 0;
};

// An operand of a computation inside a kernel's loop body is a Ref, or
struct Register {  // what an earlier computation of the loop made
  std::size_t compute = 0;
};
struct Zero {
  Dtype dtype = Dtype::F32;
};
struct RowElement {};  // what is read of TableRows
// or where a generator stands:
struct AxisIndex {  // along an axis of the loop
  std::size_t axis = 0;
};
struct ElementIndex {                 // among all elements
  std::vector<std::int64_t> strides;  // per loop index
};
struct SampleIndex {};  // among samples
// Among all elements of all samples: element * batch + sample where the batch is the last axis,
// sample * elements + element where it is the first.
struct SampleElementIndex {
  std::vector<std::int64_t> strides;  // per loop index, of the element
  std::int64_t elements = 1;
  bool batch_last = true;
};
using Source = std::variant<Ref, Register, Zero, RowElement, AxisIndex, ElementIndex, SampleIndex,
                            SampleElementIndex>;
struct Compute {
  const Op* op = nullptr;  // elementwise, or a generator; null: the operand as it is
  std::vector<Source> operands;
  std::optional<Ref> to;  // where the result is stored; none: it stays in its register
};

// ---- kernels on one tile (one vector of samples) ----

// for every index in extents: run the computations and store what is needed outside.
struct Map {
  std::vector<std::int64_t> extents;
  std::vector<Compute> computes;
};
// out[m] = start[m] + sum_k weight[m, k] * x[k], one fma chain over increasing k.
struct MatVec {
  std::int64_t rows = 0, inner = 0;
  Ref weight;                // strides {row, inner}; dense
  Ref x;                     // strides {inner}; varying
  std::optional<Ref> start;  // strides {row}; none: zero
  Ref out;
  const Op* op = nullptr;  // that it stands for
};
// out[o] = `op`'s fold over i, increasing, of the element at [o, i]: what the last computation
// makes, which is the only one, of no op, where what is folded lies in memory.
struct FoldElements {
  std::vector<std::int64_t> outer, inner;
  std::vector<Compute> computes;  // strides: outer then inner; they store nothing
  const Op* op = nullptr;
  Ref out;  // strides: outer
};
// slots[o] folds x[o, i] over i and the samples that reach it, term by term; with y, a sum of x * y
// by fma. All terms that a tile list adds to a buffer of slots stand in one kernel.
struct SlotTerm {
  std::vector<std::int64_t> inner;
  Ref x;  // strides: outer then inner
  std::optional<Ref> y;
  std::optional<int> scale;  // a scalar that multiplies each x
};
struct SlotSum {
  int slots = -1;
  std::vector<std::int64_t> outer;
  std::vector<SlotTerm> terms;
  const Op* op = nullptr;
};
// slots[m, n] += sum over terms (scale *) g[m] * h[n], terms in order.
struct ContractTerm {
  Ref g, h;                  // strides {element}
  std::optional<int> scale;  // a scalar
};
struct SlotContract {
  int slots = -1;
  std::int64_t rows = 0, columns = 0;
  std::vector<ContractTerm> terms;
  const Op* op = nullptr;  // that it stands for
};
// out[i..., j...] = table[index[i...], j...]; an index outside the table is clamped to it. A table
// that varies has one index for all samples.
struct GatherRows {
  std::vector<std::int64_t> picks, row;  // extents of the index and of a row of the table
  Dim limit;                             // the table's rows
  Ref table;                             // strides: between rows, then within one
  Ref index;                             // strides: picks
  Ref out;                               // strides: picks, then row
  const Op* op = nullptr;                // that it stands for
};
// out = 0, then out[index[i...], j...] += update[i..., j...] in row-major order of i; one index for
// all samples.
struct ScatterRows {
  std::vector<std::int64_t> picks, row;
  std::int64_t limit = 0;
  Ref index, update, out;
  const Op* op = nullptr;  // that it stands for
};
// A varying port and its blocked form. Element e of sample b is at e-offset + b * batch_stride.
struct Transfer {
  std::vector<std::int64_t> extents;  // the value's element axes
  Ref dense;                          // strides per axis, in units of `unit`
  bool batch_last = true;  // dense offset = element offset * batch + b, else b * total + offset
  std::int64_t batch_stride = 1;  // when not batch_last
  Ref lanes;
  bool import = true;
};
// rows[b][n] = x[n] of sample b: the sample-major copy a large contraction reads.
struct TransposeRows {
  Ref x;  // strides {element}
  std::int64_t width = 0;
  int rows = -1;  // Dense buffer, [blocks * 16][width]
};
struct Invoke {
  int function = -1;
  std::vector<Ref> scalars;   // scalar arguments
  std::vector<Ref> pointers;  // dense and varying buffers, inputs then results
};
using Kernel = std::variant<Map, MatVec, FoldElements, SlotSum, SlotContract, GatherRows,
                            ScatterRows, Transfer, TransposeRows, Invoke>;

// ---- work split by output elements ----

struct DenseMap {
  std::vector<Dim> extents;
  std::vector<Compute> computes;
};
struct DenseFold {  // as FoldElements
  std::vector<Dim> outer, inner;
  std::vector<Compute> computes;
  const Op* op = nullptr;
  Ref out;
};
struct DenseMatmul {
  Dim rows, columns, inner;
  Ref a, b;                  // strides {row, inner}, {inner, column}
  std::optional<Ref> start;  // strides {row, column}; none: zero
  Ref out;                   // strides {row, column}
  const Op* op = nullptr;    // that it stands for
};
// out[i..., j...] = table[index[i...], j...]; an index outside the table is clamped to it.
struct DenseGather {
  std::vector<Dim> picks, row;
  Dim limit;
  Ref table, index, out;   // strides as of GatherRows
  const Op* op = nullptr;  // that it stands for
};
// out[index[i...], j...] (+)= (scale *) update[i..., j...]: one chain per cell over (term, sample,
// i). Threads split the rows of out.
struct ScatterTerm {
  std::vector<Dim> picks;
  bool samples = false;  // there is an index for each sample
  Ref index, update;
  std::optional<int> scale;  // a scalar
};
struct DenseScatter {
  std::vector<Dim> row;
  Dim limit;
  std::vector<ScatterTerm> terms;
  bool accumulate = false;  // go on from out's own values
  Ref out;
  const Op* op = nullptr;  // that it stands for
};
// out[m, n] (+)= sum over terms and samples of g[m] * h[n]; one chain per output over (term,
// sample).
struct SampleRows {
  int buffer = -1;  // [sample][columns], dense
};
struct TableRows {
  Ref table, index;               // row index[sample] of the table
  Dim limit;                      // its rows
  std::vector<Compute> computes;  // done to each element; none: as it is
};
struct RowsTerm {
  Ref g;  // varying, strides {element}
  std::variant<SampleRows, TableRows> h;
  std::optional<int> scale;  // a scalar
};
struct LargeContract {
  std::int64_t rows = 0, columns = 0;
  std::vector<RowsTerm> terms;
  bool accumulate = false;  // go on from out's own values
  Ref out;                  // strides {row, column}
  const Op* op = nullptr;   // that it stands for
};
using DenseKernel =
    std::variant<DenseMap, DenseFold, DenseMatmul, DenseGather, DenseScatter, LargeContract>;

// The op that a kernel stands for, of several the first whose line is known; null where it only
// moves values.
const Op* op_of(const Kernel& kernel);
const Op* op_of(const DenseKernel& kernel);

}  // namespace nodec::plan
