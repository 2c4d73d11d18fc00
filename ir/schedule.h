// The schedule: how one machine walks a plan. Data only, a pure function of the two (stage
// `schedule`, compiler/schedule/), printed by print_schedule. It changes time, never a bit: which
// chains of additions there are, and the order in each, is the plan's.
//
// Every kernel has its axes, in the order of its own text (`out[row, column]`, then what is summed
// over), and for each stands how it is walked: by neighbours in the lanes of a vector, by several
// turns at once with registers of their own, split over the team, or turn by turn. Kernels on
// samples have samples in their lanes; where they read or write rows sample by sample, lanes along
// a row mean squares of lanes by lanes that are transposed in registers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/plan.h"

namespace nodec::plan {

inline constexpr int kWarp = 32;  // threads of a GPU that go in step

// What a schedule may know of a machine.
struct Machine {
  std::string name;
  bool gpu = false;       // a lane is a thread; a member has kWarp * parts of them
  bool restarts = false;  // a run begins again where a tape was too short, which it cannot lengthen
  int lanes = 16;         // f32 elements of a vector; as many of any dtype
  int vector_bytes = 64;  // of a register
  int vector_registers = 32;
  std::int64_t panel = std::int64_t{1} << 15;  // bytes that stay in the nearest cache
  std::int64_t stack = std::int64_t{1} << 20;  // bytes a thread's own values may take
  std::int64_t shared = 0;                     // bytes a member's may, on a GPU
  std::int64_t block_shared = 0;               // bytes a block has in all, where the GPU has most
  int most_threads = 1;                        // of a member, on a GPU
  std::int64_t most_cluster = 1;               // members whose meetings are cheap, on a GPU
};

// Where a buffer lies.
struct Place {
  enum class Kind : std::uint8_t {
    Plan,      // where the plan has it: a port, data, an argument, a tape's frame; or nowhere
    Register,  // between kernels of one run
    Stack,     // of the thread, while it works on a tile
    Shared,    // of a member's lanes, while they work on a tile: [half][element][16]
    Member,    // the same in scratch, where there is too much of it
    Arena,     // scratch of each block, [block][buffer][element][16]
    Chunk,     // in the arena of a chunk: [half][element][16], or slots: [output][16]
    Slots,     // scratch of each chunk, [chunk][output][16]
    Own,       // scratch of each thread, [thread][buffer]
    Team,      // scratch of all
  };
  Kind kind = Kind::Plan;
  int scratch = -1;         // Member, Arena, Slots, Own, Team: which, of the schedule's
  std::int64_t before = 0;  // Shared, Member, Arena, Chunk, Own: bytes of one's own before it
  // Shared, Member, Arena, Chunk, Own: from one block, or thread, to the next.
  std::int64_t block_bytes = 0;
  std::int64_t member_bytes = 0;  // Member: from one member to the next
  int room = -1;                  // Stack: which, of the schedule's
};

// What becomes of the turns behind the last whole tile; with lanes, behind the last whole vector.
enum class Rest : std::uint8_t {
  Tile,   // one tile of as many as are left
  Turns,  // turn by turn, or vector by vector, the last one masked
  Back,   // of what is moved: a whole tile that reaches back over turns that are done already
};

struct Axis {
  std::int64_t tile = 1;    // turns (or vectors, with lanes) written out together
  bool lanes = false;       // neighbours share a vector; the rest of the last one is masked
  bool team = false;        // split over the team, by tiles; one axis at most
  std::int64_t block = 0;   // turns between two looks at memory, sums kept there meanwhile; 0: all
  std::int64_t unroll = 1;  // turns that the compiler behind a back end may write out together
  bool run = false;         // what a tile's turns read beside each other is loaded at once
  Rest rest = Rest::Tile;
};

// Who does a kernel without a batch.
enum class Who : std::uint8_t {
  Team,   // each thread its share of the output elements
  First,  // the first thread all of it
  Each,   // every thread all of it; what others see is the first thread's to write
};

// An array that work behind a kernel updates in place, each thread its share of neighbours.
struct Claim {
  int buffer = -1;
  std::int64_t elements = 0;
};

// One kernel, or sums over the batch being finished.
struct Loops {
  std::vector<Axis> axes;  // those left out are walked in turn
  bool packed = false;     // the operand that is read by lanes is copied to a panel first
  Who who = Who::Team;
  bool flat = false;    // the team splits the outputs one by one, whatever axis they are on
  bool joined = false;  // shares the loop of the kernel before it: they are a run
  // The terms of a sum over samples are a loop: bytes from each operand of one to the next one's;
  // none: each is written out.
  std::vector<std::int64_t> apart = {};
  // Out of line, one function for all of one name: the kernel, or each term of a LargeContract,
  // added to what is in memory; none: written where it stands.
  std::vector<std::string> functions = {};
  // A LargeContract's: each thread takes its share of these back from others' caches meanwhile.
  std::vector<Claim> claims = {};
};

struct Schedule {
  Machine machine;
  std::vector<Loops> loops;   // by the kernel's number
  std::vector<Place> places;  // by the buffer's
  std::vector<ScratchBuffer> scratch;
  std::vector<std::int64_t> rooms;  // of the stack: bytes of each
  // Nodes, by number, before which the team meets, and why.
  std::map<int, std::string> meetings;
  // Of a GPU. Before which nodes, and kernels on tiles, the lanes of a member meet, and why.
  std::map<int, std::string> member_meetings, lane_meetings;
  // Of a GPU. The nodes before whose meeting slots are copied from arenas in shared memory to where
  // the team sees them.
  std::map<int, std::vector<int>> handed_over;
  // Arguments of functions on a tile that are one array, a port or what lanes of a GPU's member
  // share, for every caller, and which: it is not passed.
  std::map<int, int> given;
  std::int64_t dense_members = 1;  // that work without a batch is worth, on a GPU
  int parts = 1;                   // lanes that share a sample's elements
  std::int64_t shared_bytes = 0;   // of a member
  std::int64_t arena_bytes = 0;    // of a chunk, on a GPU: what its member alone works on
  bool shared = false;             // whether anything is shared out; else one thread does it all
  // Expansions (exp, sin, ...) of varying values that stand where they are used, of one kind and
  // dtype; all else is a function's, written once. Uniform ones are rarely where the time goes.
  int inline_expansions = 0;
};

std::string print_schedule(const Plan& plan, const Schedule& schedule);  // the plan, and how

}  // namespace nodec::plan
