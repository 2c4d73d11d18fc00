// Regions being traced, and what variables mean in them: the store semantics, in one place.
//
// A Variable is born in one frame. Inside a deeper frame it is reached through that frame's Slot,
// made at the first use. There are two kinds of deeper frame:
//
//   Closure  the body of a solve or a call. It may run any number of times, whenever its op likes,
//            so a store must be seen by the next run: it is a box.store. Slots start as boxes and
//            every read as a box.load; when the frame ends, the slots that were never stored to
//            turn back into plain values (their loads vanish). So reads traced before the first
//            store become loads of the box without being traced twice.
//   Flow     the body of a while, cond or vjp. It runs in the course of the program around it, so
//            a store rebinds the slot, and the last content leaves the op as a further result.
//
// When a frame ends, each captured variable is read (or its box is taken) in the parent, by the
// same rules; so a store deep inside several bodies reaches its variable step by step.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "compiler/trace/content.h"
#include "compiler/trace/state_policy.h"
#include "compiler/trace/traced.h"
#include "ir/finding.h"

namespace nodec {
class Collect;
class Var;
}  // namespace nodec

namespace nodec::tracing {

struct Frame;

// What a variable is bound to in a frame that rebinds it: a content, or a box once a closure inside
// has stored to it.
struct Binding {
  std::optional<Content> content;
  Value* box = nullptr;
  Type witness;  // the type last stored in the box
};

struct Variable {
  std::shared_ptr<Frame> birth;
  Binding binding;
  std::string name;
  bool named = false;  // by the user, and not after the variable it was copied from
  SourceLine declared;
  bool at_home = true;   // a line of the user's declares it; not a body's argument, say
  bool is_copy = false;  // made by copying another one, there
  std::optional<std::vector<void*>> copied_by;  // by a container: the return addresses of the copy
  StatePolicy policy = StatePolicy::None;       // of the cell it holds
  std::optional<std::int64_t> number;           // of the variables that have boxes
  bool escaped = false;       // used outside of the body it was made in, and reported
  std::vector<Var*> holders;  // the C++ objects that are this variable: one, or two after a move
};

// A load from a captured box, with the `field` ops that open it.
struct Load {
  Content content;
  Op* first = nullptr;
  std::size_t ops = 0;  // how many, `first` included; they follow one another
};

// A variable of an outer frame, seen from a deeper one.
struct Slot {
  std::shared_ptr<Variable> variable;
  bool stored = false;
  SourceLine where;                // of the last store
  std::vector<std::size_t> sites;  // of all stores, in the record
  // Closure:
  Value* box = nullptr;
  Type witness;
  std::vector<Load> loads;
  // Flow: the arguments it enters with (none when it has no value outside), and what it is now.
  std::optional<Content> entry;
  Binding binding;
};

enum class Body { Program, Closure, Flow };

// What all frames of one trace share.
struct TraceRecord {
  Traced traced;
  std::map<const Value*, StatePolicy> policies;            // of cells that have one, in any region
  std::vector<std::pair<std::string, SourceLine>> scopes;  // scope.h, outermost first
  std::vector<Finding> findings;   // the trace went on after these; its end reports them
  std::set<const Value*> escaped;  // the values that some of them are about
  std::int64_t boxed = 0;          // how many variables have boxes
  Collect* collect = nullptr;      // what gathers settings and counts, if anything does
  std::string path() const;        // their names: "layer_3.layer_1"
  void report(Finding finding);    // unless it is known: a body may be traced twice
};

struct Frame : std::enable_shared_from_this<Frame> {
  Body body = Body::Program;
  std::string what;  // "solve", "while": for messages
  std::string name;  // of a named call or solve: its step of a path
  SourceLine where;
  Frame* parent = nullptr;
  int depth = 0;  // how many are around it
  std::shared_ptr<TraceRecord> record;
  std::unique_ptr<Region> own_region;  // null for the program's
  Region* region = nullptr;
  std::size_t own_args = 0;  // arguments that are not captures
  // Of the body of a loop with a condition for each sample: which samples it runs for.
  const Var* running = nullptr;
  bool tests = false;  // of a loop: whether it goes on
  bool open = true;
  const std::thread::id thread = std::this_thread::get_id();  // that opened it
  std::shared_ptr<Frame> kept;               // itself, as long as that thread may come upon it
  std::vector<std::unique_ptr<Slot>> slots;  // in the order of first use

  Builder builder(const SourceLine& at) const;
  bool inside(const Frame& outer) const;  // is it `outer`, or deeper
  Slot& slot(const std::shared_ptr<Variable>& variable, const SourceLine& at);
  Slot* find(const Variable& variable) const;
};

// The innermost frame of this thread; Error when nothing is being traced.
Frame& current(const SourceLine& at);
Frame* innermost();

// Opens a frame for as long as it lives. A frame left by an exception is closed, too, and one that
// another thread drops is when its own comes upon it.
class Opened {
 public:
  Opened(Body body, std::string what, const SourceLine& where, Region* region = nullptr);
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  Frame& operator*() const { return *frame_; }
  Frame* operator->() const { return frame_.get(); }
  const std::shared_ptr<Frame>& shared() const { return frame_; }
  void close();  // the frame is no longer the innermost, nor usable; an Error in another thread

 private:
  std::shared_ptr<Frame> frame_;
};

// A new argument of the frame that is not a capture; all of them come before its first use.
Content add_argument(Frame& frame, const Type& type, std::string_view name);

// Reading, storing, and the box of a variable, as seen from `frame`; `sites` are the stores'.
Content read(const std::shared_ptr<Variable>& variable, Frame& frame, const SourceLine& at);
Type type_of(const std::shared_ptr<Variable>& variable, Frame& frame, const SourceLine& at);
bool has_value(const Variable& variable, const Frame& frame);
void store(const std::shared_ptr<Variable>& variable, Frame& frame, Content content,
           const SourceLine& at);
Value* box_of(const std::shared_ptr<Variable>& variable, Frame& frame, const SourceLine& at,
              const std::vector<std::size_t>& sites);
// The type its box holds from here on, after an op whose body stored to it.
void set_witness(const std::shared_ptr<Variable>& variable, Frame& frame, const Type& type);

// Ends a closure whose results are set: its arguments become own arguments, plain captures, boxes.
// Returns the parent's values for all captures, in that order.
std::vector<Value*> end_closure(Frame& frame);

// What flow frames over the same operands (both branches of a cond) took from outside and changed.
struct Ended {
  std::vector<Value*> carried;   // outer values of the stored variables' leaves, when in a loop
  std::vector<Value*> captures;  // outer values of everything else
  std::vector<std::shared_ptr<Variable>> stored;  // in order; each frame yields their leaves last
  std::vector<Type> stored_types;
  std::vector<SourceLine> stored_at;
  struct Site {
    std::size_t number, body;  // of a store, in the record; the frame that it was in
  };
  std::vector<std::vector<Site>> sites;
  std::vector<std::optional<Type>> entered;  // of the stored variables before, if they had a type
  bool open = false;                         // a type changes on the way
};
// Ends flow frames whose own results are set. In a loop (`loop`) the stored variables' leaves are
// arguments right after the own ones, in every frame; frames[0] is then the test, which may not
// store and yields no leaves.
Ended end_flow(const std::vector<Frame*>& frames, bool loop);
// Gives the stored variables their new contents, from the front of `values`.
void rebind_stored(const Ended& ended, std::span<Value* const>& values, Frame& parent);

// What its box is called. A copy keeps its original's name in messages, where nothing better is
// known; a box without a name of its own gets the one it is assigned by (locate.h).
std::string own_name(const Variable& variable);

}  // namespace nodec::tracing
