// Where things are: the address of a buffer's first element for the tile at hand, and sizes.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/codegen/writing.h"

namespace nodec::codegen {

class Places {
 public:
  // Where the walk is among the samples.
  struct Tile {
    Code block, lane;  // Index: block of 16 samples, first slot in it
    Code half;         // Index: which block of its chunk
    Code sample;       // Index: block * 16 + lane
    Code valid;        // varying Pred: lanes that hold a sample
    Code chunk;
  };
  // What is known inside of one function only.
  struct Here {
    Tile tile;
    std::map<int, Code> arguments;  // by buffer
    std::map<int, Code> rooms;      // of the stack, for tile buffers
    std::optional<Code> own;        // this member's copies of small tensors
  };

  explicit Places(Writing& writing);
  Here begin(Scope scope);  // another function: forgets, and returns, what was known
  void end(Here outer) { here_ = std::move(outer); }
  const Tile& tile() const { return here_.tile; }
  void go_to(const Team::Tile& tile);
  void go_back(const Tile& tile) { here_.tile = tile; }
  void go_to_chunk(Code chunk) { here_.tile.chunk = chunk; }
  void go_to_start();  // what varies is addressed from the first sample on
  void argument(int buffer, Code pointer) { here_.arguments[buffer] = pointer; }
  void tape_frame(int variable, Code pointer);
  Code tape_frame(int variable) const { return frames_[std::size_t(variable)]; }
  // What a function that works at this very place is told of it.
  static constexpr std::size_t kTold = 4;
  std::vector<Code> told() const { return {tile().chunk, tile().block, tile().half, tile().lane}; }
  void go_to_told(std::span<const Code> told) {
    go_to_chunk(told[0]);
    go_to({told[1], told[2], told[3]});
  }

  Code base(int buffer);
  Code slots(int buffer);           // of the chunk at hand, where its member adds to them
  Code all_slots(int buffer);       // of the first chunk, for the team
  Code chunk_elements(int buffer);  // of slots, for the team: from one chunk to the next
  std::int64_t block_bytes(int buffer) const;  // of what varies: from one block to the next
  bool is_own(const plan::Ref& to) const;

  Code symbol(std::string_view name);
  Code batch() { return symbol(w_.plan.signature.batch); }
  Code evaluate(const Dim& dim);
  std::vector<Code> evaluate(const std::vector<Dim>& dims);

 private:
  Code tile_bytes(int buffer);
  Code of_plan(int buffer);  // where the plan has it
  Code in_member(int buffer, Code start);
  Code table(int buffer);

  Writing& w_;
  Here here_;
  std::vector<Code> frames_;    // of tapes, by variable
  std::map<int, Code> tables_;  // the program's data, by buffer
};

}  // namespace nodec::codegen
