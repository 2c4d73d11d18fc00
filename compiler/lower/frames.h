// Tapes: where the parts of a frame stand, and how values get there and back.
//
// A frame holds its scalars, then the varying values block by block (all of a block together, for
// one thread works on them: memory that two write by turns is fetched in vain), then the tensors
// without a batch. These come with the widest elements first: each is aligned as its elements ask,
// though sizes may be known at run time only. What can be made in the frame is never copied there:
// values of the phase that writes the frame, and tensors whose maker runs after the frame's number
// is known.
//
// A function that is given a tape knows it by number: calls may mean one tape or another, which are
// then the same to whoever asks what may lie in one place.
//
// Knows which tape of the program each value is, and the frames that are open.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "compiler/lower/agenda.h"
#include "compiler/lower/homes.h"
#include "compiler/lower/tile_list.h"

namespace nodec::lowering {

class Frames {
 public:
  Frames(plan::Plan& plan, Homes& homes) : plan_(plan), homes_(homes), views_(homes.views()) {}

  // Of the program; where a function is given it, the first that it was given and the scalar that
  // says which.
  struct Tape {
    int tape = -1, number = -1;
  };
  void add_tape(const Op& made);  // the program has one more
  Tape tape_of(const Value* v) const;
  void set_tape(const Value* v, Tape tape) { tape_[v] = tape; }
  // The scalar that says which tape `v` is, where it is passed on.
  int number_of(const Value* v);
  // A function that has been given `first` is given `other` too.
  void may_be(Tape first, Tape other);
  // A branch's tape leaves it. Derivatives give the other branch an empty one, which nobody reads.
  void pass_tape(const Value& result, const Value& inside);

  void read(const Op& op, plan::Nodes& nodes);
  // Frames whose numbers are known, and where tensors of tasks to come can be made.
  void open(const Agenda& agenda, plan::Nodes& nodes);
  // The frame that `op` writes, with what is no work on samples; `group` is done in it.
  void write(const Op& op, plan::Nodes& nodes, const std::vector<Task*>& group);
  // What of the samples was made elsewhere.
  void copy_samples(TileList& list, const Op& op);

 private:
  struct Layout {
    std::vector<Dim> before;       // per part, the bytes before it (before its first block)
    std::int64_t block_bytes = 0;  // of all varying parts
    Dim bytes;
    std::int64_t alignment = 0;
  };
  const Layout& layout(int tape, const Type& type);
  Layout new_layout(const Type& tape) const;
  int part(const Value* tape, std::size_t part, int frame, const Value* v);
  plan::TapeFrame find(const Op& op, plan::Nodes& nodes);
  bool can_open(const Op& write) const;
  void make_in(const Op& write, std::size_t i, int frame);
  bool is_in(const Op& write, std::size_t i) const;

  plan::Plan& plan_;
  Homes& homes_;
  Views& views_;
  std::map<const Value*, Tape> tape_;
  std::map<int, Layout> layouts_;       // by tape; types of many parts are long to read
  std::set<const Value*> empty_tapes_;  // results of branches, as far as is known
  std::map<const Op*, int> written_;    // frame variable of a tape.write, and
  std::map<const Op*, int> opened_;     // one for tensors made before the write
};

// How far a solve has come, from operand `first` on.
plan::Progress progress_of(Homes& homes, const Op& op, std::size_t first, plan::Nodes& nodes);

}  // namespace nodec::lowering
