// What compiled code and the runtime agree on: the signature of a program and the frame of one
// call.
//
// A compiled program is one function
//   void entry(CallFrame* frame, int64_t thread)
// run by `frame->threads` threads at once (thread = 0 ... threads-1). It allocates nothing; what it
// needs is described by the Signature, sized and supplied by the runtime before the call. Samples
// come in blocks of 16 (`kBlock`), blocks in chunks of 2 (`kChunk`): see semantics, order of sums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/type.h"

namespace nodec {

inline constexpr std::int64_t kBlock = 16;
inline constexpr std::int64_t kChunk = 2;

// Sizes may also mention these symbols, which the runtime derives: blocks = ceil(batch / 16) (1
// when there is no batch), chunks = ceil(blocks / 2), threads = size of the team.
inline constexpr std::string_view kBlocksSymbol = "blocks";
inline constexpr std::string_view kChunksSymbol = "chunks";
inline constexpr std::string_view kThreadsSymbol = "threads";

struct Port {
  std::string name;
  Type type;       // a tensor, row-major, 64-byte aligned
  int alias = -1;  // an output's input that it overwrites in place, or -1
};

struct ScratchBuffer {
  std::string name;
  Dim bytes;  // rounded up to 64 by the runtime; 64-byte aligned
};

struct TapeLayout {
  std::string name;
  Dim frame_bytes;
  std::int64_t alignment = 64;  // every frame starts at a multiple of it
};

// A table whose rows the program reads or adds to by index: it must have one where `picked`, the
// elements it takes from there, is not 0.
struct PickedTable {
  std::string op, name;  // the op's, and the user's for the table (or empty)
  Type type;
  Dim picked;
};

// A part of a tensor that the program takes, sets or makes, along an axis whose size no type says:
// it must lie within. What is made lies within where its size is none below 0.
struct SizedPart {
  std::string op, name;  // the op's, and the user's for the tensor (or empty)
  Type type;
  std::int64_t axis = 0, start = 0;
  Dim size;
  bool made = false;  // all of the tensor along the axis, by the op
  bool operator==(const SizedPart&) const = default;
};

// What may stop the program (a solve, or an op in a gradient), by the number that its ops carry as
// `site`.
struct Site {
  SourceLine where;          // not part of what a program is: the same program may stand elsewhere
  std::int64_t traced = -1;  // the first op of the traced program on that line, in its order
  std::string states;        // "u[20]; v[2, 5]": what its components are counted through
  std::string op;            // what stands there, where it is no solve
};

// The `op` of a gradient whose own estimate stops the program.
inline constexpr std::string_view kGradientSite = "gradient";

inline constexpr std::int64_t kMostSites = 1 << 16;

struct Signature {
  std::string entry;  // symbol of the function
  std::string name;   // the program's, for messages
  std::string batch;  // the batch symbol, or empty
  std::vector<Port> inputs, outputs;
  std::vector<std::string>
      symbols;  // order of CallFrame::symbols; blocks, chunks, threads included
  std::vector<ScratchBuffer> scratch;
  std::vector<TapeLayout> tapes;
  std::vector<PickedTable> tables;  // those whose rows no type counts
  std::vector<SizedPart> parts;
  std::vector<Site> sites;
  int lanes = 16;
  bool shared = true;  // whether it has work to share out; else one thread does it all
};

// How many adaptive solves a run ended, and of those: whose whole state stayed below atol all
// along, that rejected more than a third of their steps, that were found stiff.
struct SolveCounts {
  std::int64_t solves = 0, below_atol = 0, rejecting = 0, stiff = 0;
};

// What a run reports, fixed in size so that any device can return it. A program that stops says why
// and how far it came (fail_if); Stopped (ir/stopped.h) words it.
struct Outcome {
  std::int64_t status = 0;  // ir/status.def
  double t = 0, dt = 0;
  std::int64_t accepted = 0, rejected = 0;
  std::int64_t site = -1;    // of Signature::sites: the solve that failed, or -1
  std::int64_t reverse = 0;  // 1: it failed going backwards, in a gradient
  // What was not finite first in the solve that met it last (tell_not_finite): an element of the
  // states, counted through the axes of known size, and its index along the others; or -1. `told`
  // is that solve: twice its site, and 1 more where it went backwards.
  std::int64_t component = -1, sample = -1, told = 0;
  SolveCounts forward = {},
              backward = {};     // (tell_solved); runtime/advice.h says what to do about them
  std::int64_t threads_ran = 0;  // by the runtime: the size of the team
  // Of a program that stopped for its tapes: what they would have taken, and might; and how many
  // frames the one had that was to have another.
  std::int64_t tape_bytes = 0, tape_limit = 0, tape_frames = 0;
};

// What one thread knows of a tape: the frames of one segment, which it finds without asking.
struct alignas(64) TapeCursor {
  std::int64_t first = 0, count = 0;  // their numbers: `count` from `first` on
  char* base = nullptr;               // where the first of them is
  std::int64_t stride = 0;            // bytes from one to the next
  std::int64_t written = 0;           // one past the last frame that this thread has written
};

// Compiled code reads this by offset; offsets are pinned by static_asserts in runtime/frame.cpp.
struct CallFrame {
  void* const* ports;  // inputs, then outputs
  const std::int64_t* symbols;
  void* const* scratch;
  void* tapes;    // the runtime's own
  void* barrier;  // the runtime's own
  std::int64_t threads;
  std::int64_t* chunks_done;  // one counter per thread, 8 apart (a cache line each)
  Outcome* outcome;
  TapeCursor* cursors;  // of each tape, one for each thread
};

// An object file in memory and how to call it.
struct Artifact {
  std::string object;
  Signature signature;
};

// Routines compiled code may call, by these names (C linkage, in runtime/):
//   void  nodec_barrier(CallFrame*, int64_t thread)              all threads meet
//   char* nodec_tape_frame(CallFrame*, TapeCursor*, int64_t tape, int64_t n)
//                                   address of frame n, to write it; links a segment of doubled
//                                   size when n is past the end; any thread may call it; null: over
//                                   limit, or n is not one of 0 to the next
//   char* nodec_tape_read(CallFrame*, TapeCursor*, int64_t tape, int64_t n)
//                                   address of a written frame; null: n is none
// Both move the thread's cursor to the segment of n, and need not be called for frames in it.

}  // namespace nodec
