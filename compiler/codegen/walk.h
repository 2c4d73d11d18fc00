// Writes a plan down through an Emitter, walked as its schedule says: nodes become loops, addresses
// and calls, the same way for every back end.
//
//   Walker walker(emitter, plan, schedule);
//   walker.functions();               // out-of-line functions first
//   walker.entry(frame, thread);      // then the body of the entry
//
// walk.cpp: functions and addresses; walk_nodes.cpp: control and sharing out; walk_tiles.cpp,
// _products, _moves: kernels on one tile; walk_slots.cpp: sums over the batch; walk_dense*.cpp,
// _scatter: kernels split by elements, walk_contract.cpp the largest of them.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/emitter.h"
#include "ir/schedule.h"

namespace nodec {

class Walker {
 public:
  Walker(Emitter& emitter, const plan::Plan& plan, const plan::Schedule& schedule);
  void functions();
  void entry(Code frame, Code thread);

 private:
  // Where the current tile is.
  struct Tile {
    Code block, lane;  // I64: block of 16 samples, first slot in it
    Code sample;       // I64: block * 16 + lane
    Code valid;        // varying Pred: lanes that hold a sample
    Code chunk;
  };
  // A Ref made ready before the loops that use it.
  struct Operand {
    Code pointer;  // or
    Code value;    // a scalar
    bool in_memory = false, varying = false;
    Dtype dtype = Dtype::F32;
    std::vector<std::int64_t> strides;
  };
  using Indices = std::vector<Code>;

  // ---- walk.cpp ----
  Code i64(std::int64_t n) { return e_.constant(Scalar::I64, static_cast<double>(n)); }
  Code field(std::int64_t offset);  // a pointer-sized field of the call frame
  Code as_pointer(Code integer);
  Code symbol(std::string_view name);
  Code evaluate(const Dim& dim);
  std::vector<Code> evaluate(const std::vector<Dim>& dims);
  Code minimum(Code a, Code b);
  Code times(Code a, std::int64_t n);
  Code base(int buffer);
  Code scratch(const plan::Place& place);
  std::int64_t block_bytes(int buffer) const;  // of what varies: from one block to the next
  Code table(int buffer);
  void begin(Code frame, Code thread);  // the body of another function
  int tile_function(const plan::Function& f);
  int team_function(const plan::Function& f);
  void take_scalars(const plan::Function& f, std::span<const Code> x);
  void call(const plan::Call& node);
  Code answer_place(std::size_t result, Dtype dtype);  // in elements
  void leave_if(Code stops);                           // the function, and all that called it
  // Calls the kernel's out-of-line function of this number, which `body` writes when it is first
  // wanted; its parameters: frame, thread, then those of these kinds. Or writes `body` here.
  void call_shared(std::size_t number, std::span<const Scalar> kinds, std::vector<Code> arguments,
                   const std::function<void(std::span<const Code>)>& body);

  // ---- walk_nodes.cpp ----
  void walk(const plan::Nodes& nodes);
  void kernels(const plan::Node& node);  // of a Tiles node
  void meet();
  const plan::Axis& axis(std::size_t i) const;
  void scalars(const plan::Scalars& node);
  void phase(const plan::Phase& node);
  void tiles(const plan::Node& node);
  void loop(const plan::While& node);
  void branch(const plan::If& node);
  void tape_frame(const plan::TapeFrame& node);
  void fail_if(const plan::FailIf& node);
  void tell(const plan::Tell& node);
  void tell_not_finite(const plan::Tell& node);
  void tell_solved(const plan::Tell& node);
  void put(std::size_t offset, Dtype dtype, Code value);  // into the outcome
  void stop_if(Code stops, Code status, const std::optional<plan::Progress>& progress);
  void only_first(const std::function<void()>& body);
  std::pair<Code, Code> my_share(Code count);  // of `count` units, split over the team
  Code constant(const Op& op);

  // ---- walk_tiles.cpp ----
  Operand ready(const plan::Ref& ref);
  Operand ready_if(const std::optional<plan::Ref>& ref) { return ref ? ready(*ref) : Operand{}; }
  Code read(const Operand& x, Code offset);
  Code offset(const Operand& x, const Indices& at);
  Code read_at(const Operand& x, const Indices& at) { return read(x, offset(x, at)); }
  void write_at(const Operand& to, const Indices& at, Code value);
  std::int64_t unit(const Operand& x) const { return x.varying ? kBlock : 1; }
  Code spread(Code value) { return value.varying ? value : e_.broadcast(value); }
  // Of the kernel's axes, from `first` on.
  void each(const std::vector<std::int64_t>& extents,
            const std::function<void(const Indices&)>& body, std::size_t first = 0);
  // n turns along one of them, one after another, as many written out together as it says.
  Emitter::Values turns(std::size_t axis, std::int64_t n, Emitter::Values state,
                        const std::function<Emitter::Values(Code, Emitter::Values)>& body);
  Operand at(const Operand& x, const Indices& first);  // x with its first indices settled
  Code compute(const plan::Compute& c, const std::vector<Operand>& operands,
               const std::vector<Code>& made, const Indices& at);
  Code index_of(const plan::Source& s, const Indices& at);
  Code apply(const Op* op, const std::vector<Code>& x);
  Code in_register(Code loaded, Dtype dtype);
  std::vector<Operand> ready_all(const plan::Compute& c);

  void kernel(const plan::Map& k);
  void kernel(const plan::FoldElements& k);
  void kernel(const plan::Invoke& k);

  // ---- walk_products.cpp ----
  void kernel(const plan::MatVec& k);
  void kernel(const plan::SlotSum& k);
  Code add_term(const plan::SlotSum& k, std::size_t number, const std::array<Operand, 2>& x,
                Indices at, Code sum);
  void kernel(const plan::SlotContract& k);
  void matvec_rows(const plan::MatVec& k, const std::vector<Operand>& x, Code first,
                   std::int64_t rows);
  void contract_tile(const plan::SlotContract& k, const std::vector<std::array<Operand, 2>>& x,
                     Code slots, Code row, Code column, std::int64_t rows, std::int64_t columns);
  Code slot_pointer(int buffer);

  // ---- walk_moves.cpp ----
  void kernel(const plan::GatherRows& k);
  void kernel(const plan::ScatterRows& k);
  void kernel(const plan::Transfer& k);
  void kernel(const plan::TransposeRows& k);
  void move(const plan::Transfer& k, bool full);
  void put_samples(const plan::Transfer& k, Code pointer, Code value, bool full, Code left);
  void gather_lanes(const plan::GatherRows& k, const Operand& table, const Operand& out, Code row,
                    Code last);
  void transpose_rows(const Operand& table, const Operand& out, const std::vector<Code>& rows,
                      std::int64_t width);
  void transpose_tile(const Operand& x, Code rows, Code first, std::int64_t width);

  // ---- walk_slots.cpp ----
  void clear_slots(const plan::ClearSlots& node);
  void fold_slots(const plan::FoldSlots& node);
  void add_chunks(const plan::FoldSlots& node, Dtype dtype, Code slots, Code outputs, Code first,
                  Code last);
  void add_lanes(const plan::FoldSlots& node, Dtype dtype, Code slots, Code outputs, Code out,
                 Code first, Code last);
  Code merge(const Op* op, Code a, Code b);

  // ---- walk_dense.cpp ----
  void dense(const plan::DenseKernel& kernel);
  class Nest;
  struct Spot;
  using Spots = std::vector<Spot>;  // written out together
  void kernel(const plan::DenseMap& k);
  void kernel(const plan::DenseGather& k);
  Code clamped(Code row, Code last);
  bool is_own(const plan::Ref& to) const;
  std::vector<Code> elements(const plan::DenseMap& k,
                             const std::vector<std::vector<Operand>>& operands, Nest& nest,
                             const Spot& spot);

  // ---- walk_dense_fold.cpp ----
  using FoldStep = std::function<Emitter::Values(Emitter::Values, const Spot&, const Indices&)>;
  void kernel(const plan::DenseFold& k);
  void fold(Nest& nest, const std::vector<Dim>& inner, const Operand& out,
            const std::function<Emitter::Values(const Spot&)>& start, const FoldStep& step);
  void vector_product(const plan::DenseMatmul& k, const std::vector<Operand>& x);

  // ---- walk_scatter.cpp ----
  void kernel(const plan::DenseScatter& k);
  void each_of(const std::vector<Code>& extents, const std::function<void(const Indices&)>& body);
  void each_sample(const std::function<void(Code block, Code lane)>& body);
  Operand of_sample(const Operand& x, const plan::Ref& ref, Code block, Code lane);
  Code one_lane(const Operand& x, const Indices& at);
  void scatter(const plan::DenseScatter& k, const plan::ScatterTerm& term, const Operand& out,
               const std::pair<Code, Code>& mine);

  // ---- walk_dense_product.cpp ----
  class DenseProduct;
  void kernel(const plan::DenseMatmul& k);

  // ---- walk_contract.cpp ----
  // A term of a large contraction made ready before the loops.
  struct LargeTerm {
    const plan::RowsTerm* term = nullptr;
    const plan::TableRows* rows = nullptr;  // or those of each sample
    Operand g;                              // block 0; the others follow at a fixed distance
    std::int64_t block_elements = 0;
    Code pointer;  // of the rows, or of the table they come from
    Dtype dtype = Dtype::F32;
    Operand index;
    Code last;  // the table's last row
    std::vector<std::vector<Operand>> extra;
  };
  // Neighbouring columns, one or more vectors of them; `masked`: one vector, of which the first
  // `count` lanes count.
  struct Columns {
    Code first, count;
    int vectors = 1;
    bool masked = false;
  };
  void kernel(const plan::LargeContract& k);
  LargeTerm ready_term(const plan::RowsTerm& term);
  void contract(const plan::LargeContract& k, const Operand& out,
                const std::vector<LargeTerm>& terms, bool add);
  void contract_columns(const plan::LargeContract& k, const Operand& out,
                        const std::vector<LargeTerm>& terms, bool add, const Columns& columns);
  void contract_rows(const plan::LargeContract& k, const Operand& out,
                     const std::vector<LargeTerm>& terms, bool add, const Columns& columns,
                     Code first, std::int64_t rows);
  Code load_columns(Code pointer, Code at, Dtype dtype, const Columns& columns);
  Code row_start(const LargeTerm& term, std::int64_t width, Code block, Code lane);
  Code row_elements(const LargeTerm& term, Code at, const Columns& columns);
  Emitter::Values add_term(const LargeTerm& term, std::int64_t width, const Columns& columns,
                           Code first, std::int64_t rows, Emitter::Values sums);

  Emitter& e_;
  const plan::Plan& plan_;
  const plan::Schedule& schedule_;
  const plan::Loops* how_ = nullptr;  // the kernel being written is walked
  Code frame_, thread_, zero_, one_;
  std::optional<Code> own_;     // this thread's copies of small tensors
  std::optional<Code> answer_;  // where the team's function being written puts its answer
  std::vector<Code> scalars_;
  std::vector<Code> frames_;
  std::map<int, Code> arguments_;  // of the function being written, by buffer
  std::map<int, Code> tables_;     // the program's data, by buffer
  std::map<int, Code> locals_;     // tile buffers on the stack, by buffer
  std::vector<int> functions_;
  std::map<std::pair<const Primitive*, Scalar>, int> expansions_;  // how many, of varying values
  std::map<std::string, int> shared_;  // out-of-line code that the program needs more than once
  Tile tile_;
};

}  // namespace nodec
