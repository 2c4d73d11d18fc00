// What a back end can write: arithmetic (ir/arithmetic.h), memory, control and what a team does
// together. It takes no decision: the plan and its schedule have taken them all.
//
// Code is written for one member of a team, as CUDA's is for one thread. A varying value holds
// `lanes()` neighbours, all of a vector on a CPU and one on a GPU, where a lane is a thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/arithmetic.h"

namespace nodec {

// Who: one member of the team, or all of it.
enum class Scope : std::uint8_t { Member, Team };

class Emitter : public Arithmetic {
 public:
  virtual int lanes() const = 0;  // of a varying value, of any scalar kind

  // ---- addresses ----

  Code index(std::int64_t n) { return constant(Scalar::Index, double(n)); }
  virtual Code quotient(Code a, Code b) = 0;  // of Index, not negative
  // What the host gave to this call (CallFrame of ir/abi.h).
  virtual Code symbol(int number) = 0;  // -> Index
  virtual Code port(int number) = 0;
  virtual Code scratch(int number) = 0;
  virtual Code outcome() = 0;
  // Memory that the lanes of one member share, of as many bytes as the schedule says.
  virtual Code shared() = 0;
  // The arena of a chunk (Index): memory that only its member works on, as large as the schedule
  // says. It is in shared memory where the host has room, and then `arenas`, where all chunks'
  // would be, is for what their members show each other.
  virtual Code arena(Code chunk) = 0;
  virtual Code arenas() = 0;
  virtual Code arenas_shared() = 0;  // -> Pred

  // ---- memory: `base` is a Pointer, `offset` an Index in elements of `stored` ----

  virtual Code pointer_add(Code base, Code bytes) = 0;          // bytes: Index
  virtual Code load(Code base, Code offset, Dtype stored) = 0;  // uniform
  // `n` neighbours, uniform ones, which begin at a multiple of their size: as one access where a
  // back end has such.
  virtual std::vector<Code> load_run(Code base, Code offset, int n, Dtype stored) {
    std::vector<Code> all;
    for (int i = 0; i < n; ++i) all.push_back(load(base, add(offset, index(i)), stored));
    return all;
  }
  virtual Code load_lanes(Code base, Code offset, Dtype stored) = 0;  // lanes consecutive elements
  virtual void store(Code base, Code offset, Dtype stored,
                     Code value) = 0;  // uniform or consecutive lanes
  // The first `count` (Index) lanes only; other lanes read as zero and are not written.
  virtual Code load_lanes_masked(Code base, Code offset, Dtype stored, Code count) = 0;
  virtual void store_masked(Code base, Code offset, Dtype stored, Code value, Code count) = 0;
  // Takes the line of this element into the member's own cache, to write it. Changes nothing, as
  // long as nobody else writes the element before the next meeting.
  virtual void claim(Code base, Code offset, Dtype stored) {
    (void)base, (void)offset, (void)stored;
  }
  // Each lane at its own element offset (`offsets`: varying I64 or I32).
  virtual Code gather(Code base, Code offsets, Dtype stored) = 0;
  virtual void scatter(Code base, Code offsets, Dtype stored, Code value) = 0;
  // Each lane from a row of its own (`rows`: varying I32 or I64, not negative): `n` neighbours, the
  // first at rows * stride + column. Fastest where n is lanes().
  virtual std::vector<Code> load_rows(Code base, Code rows, Code stride, Code column, int n,
                                      Dtype stored) = 0;
  virtual void store_rows(Code base, Code rows, Code stride, Code column, Dtype stored,
                          std::span<const Code> values) = 0;
  virtual Code data(Dtype stored, std::span<const double> values) = 0;  // constant, of the program
  virtual Code local(std::int64_t bytes) = 0;  // 64-byte aligned storage of this call

  // ---- lanes ----

  virtual Code broadcast(Code uniform) = 0;
  virtual Code lane_index() = 0;  // varying I32: 0, 1, 2, ...
  // Lane l of the result is lane l + distance of x; beyond the last lane it may be anything.
  virtual Code shift_lanes(Code x, int distance) = 0;

  // ---- control: loop state is given and returned in order; `body` yields the next ----

  using Values = std::vector<Code>;
  // for (index = begin; index < end; index += step), rolled; a compiler behind a back end may write
  // out `unroll` turns together.
  virtual Values loop(Code begin, Code end, Code step, Values state,
                      const std::function<Values(Code index, Values state)>& body,
                      std::int64_t unroll = 1) = 0;
  // Tests a uniform Pred before each turn.
  virtual Values while_loop(Values state, const std::function<Code(const Values&)>& test,
                            const std::function<Values(Values)>& body) = 0;
  virtual Values branch(Code pred, const std::function<Values()>& then_body,
                        const std::function<Values()>& else_body) = 0;
  // An out-of-line function of this program, for one member's own work or for all of the team:
  // declared with the kinds of its parameters (uniform), defined once by `body`, called any number
  // of times. It returns nothing; results go through pointers.
  virtual int function(Scope scope, std::string_view name, std::span<const Scalar> parameters,
                       const std::function<void(std::span<const Code>)>& body) = 0;
  virtual void call(int function, std::span<const Code> arguments) = 0;
  virtual void return_if(Code pred) = 0;  // leaves the current function

  // ---- the team ----

  virtual Code member() = 0;   // Index: which one this is
  virtual Code members() = 0;  // Index: of how many
  // Index: which of all that have registers of their own, a member or, on a GPU, a lane of one.
  virtual Code thread() { return member(); }
  virtual void barrier(Scope scope) = 0;
  // Whether a varying Pred holds for one of this member's lanes; lanes that are threads meet here.
  virtual Code any(Code pred) = 0;                           // -> Pred
  virtual Code is_first() = 0;                               // -> Pred: whether `once` is its task
  virtual void once(const std::function<void()>& body) = 0;  // done by one alone
  // The address of frame n of a tape (both Index), to read it or to write it; null where it is
  // refused.
  virtual Code tape_frame(Code tape, Code n, bool writes) = 0;
  virtual Code is_null(Code pointer) = 0;  // -> Pred
  // For tests of how work is shared out: this member did n (Index) chunks.
  virtual void count_chunks(Code n) { (void)n; }
};

}  // namespace nodec
