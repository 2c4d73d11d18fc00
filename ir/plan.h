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
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ir/abi.h"
#include "ir/plan_kernels.h"

namespace nodec::plan {

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

  Buffer& buffer(int id) { return buffers[std::size_t(id)]; }
  const Buffer& buffer(int id) const { return buffers[std::size_t(id)]; }
  // The input that this output overwrites, as a buffer: they are one array. Else the buffer itself.
  int array_of(int id) const {
    if (buffer(id).space != Buffer::Space::Output) return id;
    const int input =
        signature.outputs[std::size_t(buffer(id).index) - signature.inputs.size()].alias;
    return input >= 0 ? input : id;  // inputs are buffers 0, 1, ... in order
  }
};

std::string print_plan(const Plan& plan);

}  // namespace nodec::plan
