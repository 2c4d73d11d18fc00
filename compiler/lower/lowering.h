// The state of one lowering: where every value lives, and the parts of the plan made so far. The
// work is split by idea: views.cpp (values as affine references), tile_kernels.cpp (ops on one
// tile), dense_kernels.cpp (ops split by elements), schedule.cpp (order), phases.cpp (work on
// samples), loops.cpp (while, cond), frames.cpp (tapes), functions.cpp (out-of-line calls on one
// tile), team_functions.cpp (those of the team). Start reading at schedule.cpp.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/lower/accumulators.h"
#include "ir/graph.h"
#include "ir/plan.h"

namespace nodec::lowering {

// A value as an affine function of the elements of the value it is a view of. Strides and extents
// go over the element axes: all but the batch.
struct View {
  const Value* base = nullptr;
  std::vector<std::int64_t> strides;
  std::int64_t start = 0;
};

// The axes that a reduction removes.
std::vector<std::int64_t> folded_axes(const Op& op);

// Where v was made, for a message about it; nothing for an input.
std::vector<Note> origin(const Value* v);

enum class Scope : std::uint8_t { Team, Chunk, Tile };

// One unit of scheduling: an op, or the terms of an accumulator that stand in one region.
struct Task {
  enum class Kind : std::uint8_t {
    Scalar,
    Tile,
    Dense,
    TapeRead,
    TapeWrite,
    Loop,
    Branch,
    Apply,
    Report
  };
  Kind kind = Kind::Scalar;
  const Op* op = nullptr;
  const Accumulator* sum = nullptr;
  const Region* region = nullptr;   // where the terms of `sum` stand
  const Value* input = nullptr;     // a varying input to bring into blocks
  std::vector<const Value*> needs;  // base values
  bool reports = false;  // it or an op inside it has an effect: done in the program's order
  bool done = false;
};

// The kernels of one Tiles node while it is being filled.
struct TileList {
  int segment = -1;
  std::vector<plan::Kernel> kernels;
  struct Place {
    int kernel, compute;
  };
  std::map<const Value*, Place> made;  // values made by this list, and in which kernel
};

// Values and the buffers they go to.
using Moves = std::vector<std::pair<const Value*, int>>;

// Rows of a table, one for each sample, and elementwise work on them.
struct PickedRows {
  const Op* gather = nullptr;
  std::vector<const Op*> work;  // first to last
};

// One operand of a loop: a carry, or what every turn reads as it is.
struct LoopOperand {
  const Value* in;
  const Value* args[2];  // in the test and in the body
  const Value* result;   // of a carry
};
// What happens before a loop's first turn.
struct LoopEntry {
  Moves moves;
  plan::Nodes clears, zeros;  // of slots, and of buffers
};

class Lowering {
 public:
  explicit Lowering(const Graph& graph);
  plan::Plan run(std::int64_t longest_function);

 private:
  // ---- views.cpp ----
  bool varying(const Value* v) const;
  std::vector<Dim> element_dims(const Value* v) const;
  std::vector<std::int64_t> extents(const Value* v) const;  // element dims, which must be numbers
  std::int64_t elements(const Value* v) const;
  std::vector<int> element_axes(const Value* v) const;
  std::vector<std::int64_t> row_major(
      const Value* v) const;  // strides of elements laid out plainly
  const Value* follow(
      const Value* v) const;  // through region arguments that stand for outer values
  View resolve(const Value* v);
  std::optional<View> reshaped(const Value* v);
  bool moves_elements(const Op& op);
  bool is_view(const Op& op);  // moves no data
  bool contiguous(const Value* v, const View& view) const;
  plan::Ref ref(const Value* v);                       // strides over v's element axes
  plan::Ref ref_to(int buffer, const Value* v) const;  // v laid out plainly in `buffer`
  plan::Ref home_ref(const Value* v) { return ref_to(home(v), v); }
  std::vector<Dim> row_dims(const Value* table) const;
  bool is_constant(const Value* base) const;
  std::vector<const Value*> bases(const Op& op);

  // ---- homes ----
  int new_buffer(plan::Buffer buffer);
  int home(const Value* v);  // the buffer of a base value, made on first use
  int new_scalar(Dtype dtype);
  int scalar_home(const Value* v);
  int scalar_of(const Value* v, plan::Nodes& nodes);  // loads it when it lives in memory
  int prologue_scalar(const Value* v);                // of a constant or a dim
  void touch(int buffer);                             // used in the current segment

  // ---- join_map.h ----
  template <class Map, class Kernel>
  void join_map(std::vector<Kernel>& kernels, std::map<const Value*, TileList::Place>& made,
                const Op& op, Map fresh, const plan::Source* index);

  // ---- tile_kernels.cpp ----
  void add_tile(TileList& list, const Op& op);
  plan::Source element_index(const Op& op);
  void add_map(TileList& list, const Op& op);
  void add_fold(TileList& list, const Op& op);
  void add_matvec(TileList& list, const Op& op);
  void add_gather(TileList& list, const Op& op);
  void add_scatter(TileList& list, const Op& op);
  void add_join(TileList& list, const Op& op);
  void add_batch_sum(TileList& list, const Op& op, int slots);
  void add_accumulation(TileList& list, const Accumulator& sum, const Region& region);
  void add_term(TileList& list, const AccumulatorTerm& term, int slots);
  void add_slot_sum(TileList& list, const AccumulatorTerm& term, int slots);
  void add_slot_product(TileList& list, const AccumulatorTerm& term, int slots);
  std::optional<int> scale_of(const AccumulatorTerm& term) const;
  void add_copy(TileList& list, const Value* from, plan::Ref to);
  void add_transfer(TileList& list, const Value* v, int port, bool import);
  int add_rows(TileList& list, const Value* v);
  plan::Ref tile_ref(TileList& list,
                     const Value* v);  // in lanes and contiguous, copied when it is not
  void place(TileList& list, const Value* v);

  // ---- dense_kernels.cpp ----
  void add_dense(plan::Nodes& nodes, const std::vector<const Op*>& ops);
  void add_dense_map(std::vector<plan::DenseKernel>& kernels,
                     std::map<const Value*, TileList::Place>& made, const Op& op);
  void add_dense_join(std::vector<plan::DenseKernel>& kernels, const Op& op);
  void add_element(std::vector<plan::DenseKernel>& kernels, std::size_t first, const Value* x,
                   const plan::Ref& to);
  plan::DenseKernel dense_fold(const Op& op);
  plan::DenseKernel dense_matmul(const Op& op);
  plan::DenseKernel dense_gather(const Op& op);
  plan::DenseKernel dense_copy(const Value* from, plan::Ref to);
  bool is_in_place(const Op& sum) const;
  plan::DenseKernel sum_in_place(const std::vector<AccumulatorTerm>& terms, plan::Ref out,
                                 bool accumulate);
  plan::DenseKernel sum_alone(const Op& op);
  void add_scatter_to_samples(plan::Nodes& nodes, const Op& op);
  plan::Ref table_ref(const Op& gather);
  plan::DenseScatter scatter(const std::vector<AccumulatorTerm>& terms);
  plan::ScatterTerm scatter_term(const AccumulatorTerm& term);
  plan::DenseKernel large_contract(const std::vector<AccumulatorTerm>& terms, plan::Ref out,
                                   bool accumulate);
  plan::RowsTerm rows_term(const AccumulatorTerm& term);
  std::optional<PickedRows> picked_rows(const Value* h);
  plan::TableRows table_rows(const PickedRows& picked);

  // ---- schedule.cpp ----
  plan::Nodes schedule(const Region& region, Scope scope);
  std::vector<Task> tasks_of(const Region& region);
  Task::Kind kind_of(const Op& op);
  bool scalar_only(const Region& region) const;
  bool chunk_does(const Region& region);
  bool fits_in_chunk(const Op& loop);
  bool ready(const Task& task) const;
  void finish(Task& task);
  plan::Progress progress_of(const Op& op, std::size_t first, plan::Nodes& nodes);
  void add_report(const Op& op, plan::Nodes& nodes);
  static bool in_turn(const std::vector<Task>& tasks, const Task& task);
  bool run_scalars(std::vector<Task>& tasks, plan::Nodes& nodes);
  void add_scalar(const Op& op, plan::Nodes& nodes);
  bool run_dense(std::vector<Task>& tasks, plan::Nodes& nodes);
  std::vector<const Value*> read_by_sample(const Task& task);
  void make_rows(const Task& task, plan::Nodes& nodes);
  void load_scales(const Task& task, plan::Nodes& nodes);
  std::vector<const Value*> makes(const Task& task) const;
  bool run_control(std::vector<Task>& tasks, plan::Nodes& nodes, bool reports_only);

  // ---- phases.cpp ----
  bool run_phase(std::vector<Task>& tasks, plan::Nodes& nodes, const Region& region, Scope scope);
  std::vector<Task*> ready_together(std::vector<Task>& tasks);
  std::vector<Task*> without_later(const std::vector<Task>& tasks, std::vector<Task*> group) const;
  plan::Node cleared_slots(const Accumulator& chain);
  plan::Nodes tile_nodes(const std::vector<Task*>& group, const Region& region);
  int new_slots(const std::string& name, Dtype dtype, std::int64_t outputs);
  void fold_sums(plan::Nodes& nodes, const std::vector<Task*>& group);

  // ---- lower.cpp ----
  void declare_ports();
  void place_outputs();
  bool may_overwrite(const Value* result, const Value* input);
  void store_results(plan::Nodes& nodes);

  // ---- loops.cpp ----
  void add_loop(plan::Nodes& nodes, const Op& op, Scope scope);
  void enter_loop(plan::Nodes& nodes, const Op& op, Scope scope, plan::While& loop);
  void enter_sum(LoopEntry& entry, const LoopOperand& carry, const Accumulator& sum);
  void enter_carry(LoopEntry& entry, const LoopOperand& carry, plan::Nodes& nodes,
                   plan::While& loop);
  void next_carries(plan::Nodes& nodes, const Op& op, Scope scope, plan::While& loop);
  void leave_loop(plan::Nodes& nodes, const Op& op);
  void add_branch(plan::Nodes& nodes, const Op& op);
  plan::Nodes branch_body(const Op& op, std::size_t k, std::vector<plan::Merge>& merges);
  void copies(plan::Nodes& nodes, const Moves& moves, Scope scope);
  Moves without_conflicts(plan::Nodes& nodes, Moves moves, Scope scope);

  // ---- frames.cpp ----
  int tape_of(const Value* v) const;
  void set_tape(const Value* v, int tape) { tape_[v] = tape; }
  void pass_tape(const Value& result, const Value& inside);
  struct FrameLayout {
    std::vector<Dim> before;       // per part, the bytes before it (before its first block)
    std::int64_t block_bytes = 0;  // of all varying parts
    Dim bytes;
    std::int64_t alignment = 0;
  };
  FrameLayout frame_layout(const Type& tape) const;
  int frame_part(const Value* tape, std::size_t part, int frame, const Value* v);
  plan::TapeFrame find_frame(const Op& op, plan::Nodes& nodes);
  void read_frame(const Op& op, plan::Nodes& nodes);
  void make_in_frame(const Op& write, std::size_t i, int frame);
  bool is_in_frame(const Op& write, std::size_t i);
  void open_frames(const std::vector<Task>& tasks, plan::Nodes& nodes);
  void frame_for_write(const Op& op, plan::Nodes& nodes, const std::vector<Task*>& group);
  void copy_to_frame(TileList& list, const Op& op);

  // ---- functions.cpp ----
  void add_call(TileList& list, const Op& op);
  int function_of(const Op& call);
  bool is_number(const Value* x);
  std::string layout(const Op& call);
  void declare_arguments(const Op& call, plan::Function& function);
  void declare_results(const Region& region, plan::Function& function);

  // ---- team_functions.cpp ----
  struct TeamFunction {
    int function = -1;                     // of the plan
    std::vector<int> parameters, results;  // buffers, of what is no scalar
    std::vector<int> tapes, made_tapes;    // that it is given, and that it gives
  };
  const TeamFunction& team_function(const Op& apply);
  int own_buffer(const Value* v, const char* name);
  void declare_parameters(const Op& apply, const Region& region, TeamFunction& f,
                          plan::Function& made);
  void declare_team_results(const Region& region, TeamFunction& f);
  void finish_team_results(const Region& region, TeamFunction& f, plan::Function& made);
  void add_apply(plan::Nodes& nodes, const Op& op);
  void take_results(plan::Nodes& nodes, const Op& op, const TeamFunction& f);

  const Graph& graph_;
  Accumulators sums_;
  plan::Plan plan_;
  std::map<const Value*, const Value*> alias_;
  std::map<const Value*, int> buffer_;
  std::map<const Value*, int> scalar_;
  std::map<const Value*, int> tape_;
  std::set<const Value*> empty_tapes_;  // results of branches, as far as is known
  std::map<std::pair<const Value*, const Region*>, int> rows_;  // sample-major copies, by reader
  std::map<const Accumulator*, int> slots_;                     // of accumulators, or
  std::map<const Op*, int> op_slots_;                           // of single batch sums
  std::map<const Value*, int> scales_;    // scalars that scale the terms being lowered
  std::map<const Op*, int> frame_;        // frame variable of a tape.write, and
  std::map<const Op*, int> opened_;       // one for tensors made before the write
  std::map<std::string, int> functions_;  // by the text of their regions, and layout()
  std::map<std::string, TeamFunction> team_functions_;         // by the text of their regions
  std::map<const Value*, std::vector<std::int64_t>> strides_;  // of arguments that are views
  std::map<int, int> segment_of_;               // buffer -> the one segment that uses it
  std::unordered_set<const Value*> available_;  // base values that can be read now
  std::set<int> kept_;                          // written even if no kernel reads them
  std::vector<plan::Compute> prologue_;         // constants of the function being lowered
  std::vector<int> prologue_results_;
  int segment_ = 0;
  int next_segment_ = 0;
};

}  // namespace nodec::lowering
