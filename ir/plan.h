// The plan: what `lower` decided, once for all machines. Data only, printed by print_plan. How one
// machine walks it is the schedule's (ir/schedule.h); `codegen` writes both down.
//
// Execution model. A team of threads runs the plan together. Scalar work (the step controller, loop
// tests) is done by every thread alike, so it needs no communication. Work on samples happens in a
// Phase: each thread takes its own chunks (2 blocks of 16 samples) and runs the phase's body on
// each; inside, Tiles walks the chunk's blocks, one vector of lanes at a time, through a list of
// tile kernels. Sums over the batch go to *slots* (16 running sums per output and chunk); Fold adds
// the chunks in a fixed tree and then the slots. Work on tensors without a batch is split by output
// elements.
//
// Storage of a varying value: [block][element][16], elements being its other axes in row-major
// order, so addresses do not depend on the vector width. The parts of a tape frame stand together
// block by block: what a thread writes and reads is one piece of memory. Dense tensors are
// row-major, but with a symbolic axis outermost; ports are row-major.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ir/abi.h"
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
  SourceLine where = {};
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
  SourceLine where = {};
};
// out[i..., j...] = table[index[i...], j...]; an index outside the table is clamped to it. A table
// that varies has one index for all samples.
struct GatherRows {
  std::vector<std::int64_t> picks, row;  // extents of the index and of a row of the table
  Dim limit;                             // the table's rows
  Ref table;                             // strides: between rows, then within one
  Ref index;                             // strides: picks
  Ref out;                               // strides: picks, then row
  SourceLine where = {};
};
// out = 0, then out[index[i...], j...] += update[i..., j...] in row-major order of i; one index for
// all samples.
struct ScatterRows {
  std::vector<std::int64_t> picks, row;
  std::int64_t limit = 0;
  Ref index, update, out;
  SourceLine where = {};
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
  SourceLine where = {};
};
// out[i..., j...] = table[index[i...], j...]; an index outside the table is clamped to it.
struct DenseGather {
  std::vector<Dim> picks, row;
  Dim limit;
  Ref table, index, out;  // strides as of GatherRows
  SourceLine where = {};
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
  SourceLine where = {};
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
  SourceLine where = {};
};
using DenseKernel =
    std::variant<DenseMap, DenseFold, DenseMatmul, DenseGather, DenseScatter, LargeContract>;

// ---- nodes ----

struct Node;
using Nodes = std::vector<Node>;

struct Scalars {                  // every thread alike
  std::vector<Compute> computes;  // operands are scalar refs
  std::vector<int> results;
};
struct Phase {  // for each chunk of this thread
  Nodes body;
};
struct Tiles {  // for each vector of samples in the chunk
  std::vector<Kernel> kernels;
};
struct ClearSlots {  // inside a phase
  int slots = -1;
  const Op* op = nullptr;  // the fold whose empty value fills them; null: a sum
};
struct FoldSlots {  // chunks by stride doubling, slots 8, 4, 2, 1
  int slots = -1;
  const Op* op = nullptr;  // null: a sum
  Ref out;                 // dense, strides {1}
};
struct AnySample {  // inside a phase: whether it holds for one of the chunk's samples
  Ref of;
  int scalar = -1;
};
struct LoadScalar {
  Ref from;
  int scalar = -1;
};
struct StoreScalar {  // by thread 0
  int scalar = -1;
  Ref to;
};
struct Carry {
  int scalar = -1;  // the loop's own name for it
  int init = -1, next = -1;
};
struct While {
  std::vector<Carry> carries;
  Nodes test;
  int test_scalar = -1;
  Nodes body;
};
struct Merge {
  int scalar = -1, when_true = -1, when_false = -1;
};
struct If {
  int predicate = -1;
  Nodes then_body, else_body;
  std::vector<Merge> merges;
};
// What a program that stops reports: scalars, and which solve it was.
struct Progress {
  int t = -1, dt = -1, accepted = -1, rejected = -1;
  std::optional<std::int64_t> site;
  int callers_site = -1;  // scalar, in a function that is told
  bool reverse = false;
};
// Finds frame `index` of a tape and names its address; scalars of its header are loaded or stored.
// Without such a frame, or room for it, the program stops.
struct TapeFrame {
  int tape = -1;    // of the signature
  int number = -1;  // scalar: which tape it is, in a function that is given one or another
  int index = -1;   // scalar
  int frame = -1;   // the frame variable that Frame buffers refer to
  struct Part {
    int scalar;
    std::int64_t offset;
    Dtype dtype;
  };
  std::vector<Part> loads, stores;
  std::optional<Progress> progress;  // where a write that is refused says so
  bool writes = false;
};
struct FailIf {
  int status = -1;
  Progress progress;
};
// Runs a function of the team: scalars go in and come back, all else lies in the function's own
// buffers.
struct Call {
  int function = -1;
  std::vector<int> arguments, results;  // scalars
};
// An op that adds to what the run reports, by thread 0; its operands are scalars.
struct Tell {
  const Op* op = nullptr;
  std::vector<int> operands;
};
struct Node {
  std::variant<Scalars, Phase, Tiles, ClearSlots, FoldSlots, AnySample, LoadScalar, StoreScalar,
               While, If, TapeFrame, FailIf, Call, Tell, DenseKernel>
      what;
  // What the schedule goes by: its own number, and that of its kernel (ClearSlots and FoldSlots are
  // ones), or of the first of its kernels.
  int number = -1, kernel = -1;
};

// An out-of-line function: of one tile, invoked by a kernel, or of the team, called by a node.
struct Function {
  std::string name;
  std::vector<int> scalars;  // scalar parameters, in order
  std::vector<Dtype> scalar_dtypes;
  std::vector<int> pointers;  // of one tile: Arg buffers, in order
  bool team = false;
  std::vector<int> results;  // of the team: scalars
  // Of one tile, cut out of a list: it is told which tile, and reaches all that the list does.
  bool placed = false;
  std::vector<int> frames;  // placed, or of the team: frame variables whose addresses it is passed
  Nodes body;               // of one tile: Scalars and Tiles only
};

struct Plan {
  std::string name;
  Signature signature;
  std::vector<Buffer> buffers;
  std::vector<Dtype> scalars;  // dtype of each scalar
  int frames = 0;              // number of frame variables
  // A tape, and the one that some function is given in its place. To whoever asks what may lie in
  // one place they are one: that which stands for both.
  std::map<int, int> same_tapes;
  int standing_for(int tape) const {
    const auto found = same_tapes.find(tape);
    return found == same_tapes.end() ? tape : standing_for(found->second);
  }
  std::vector<Function> functions;
  Nodes body;
  std::unique_ptr<Region> ops;  // copies of those named above
};

std::string print_plan(const Plan& plan);

// The line of the user's program that a kernel stands for, the first of several; unknown where it
// only moves values. No part of what a kernel is.
SourceLine line_of(const Kernel& kernel);
SourceLine line_of(const DenseKernel& kernel);

}  // namespace nodec::plan
