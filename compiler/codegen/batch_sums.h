// Sums over the batch, in the stated order: a chunk's terms go to its slots, chunks are added by
// stride doubling, slots 8, 4, 2, 1 apart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/codegen/elements.h"
#include "compiler/codegen/functions.h"

namespace nodec::codegen {

class BatchSums {
 public:
  BatchSums(Writing& writing, Places& places, Elements& elements, Functions& functions)
      : w_(writing), places_(places), elements_(elements), functions_(functions) {}

  void clear(const plan::ClearSlots& node);
  void fold(const plan::FoldSlots& node);
  void hand_over(const std::vector<int>& slots);  // to the team
  void write(const plan::Kernel& kernel);         // a SlotSum or a SlotContract

 private:
  void write(const plan::SlotSum& k);
  void write(const plan::SlotContract& k);
  using Factors = std::array<Operand, 2>;  // of one term
  Emitter::Values each_term(
      const std::vector<Factors>& x, std::size_t terms, Emitter::Values sums,
      const std::function<Emitter::Values(std::size_t, const Factors&, Emitter::Values)>& add);

  void hand_over(Code first, Code words);  // of an arena: where they begin, in bytes
  Code slots_of_tile(int buffer);
  Code add_term(const plan::SlotSum& k, std::size_t number, const Factors& x, Indices at, Code sum);
  void contract(const plan::SlotContract& k, const std::vector<Factors>& x, Code slots, Code row,
                Code column, std::int64_t rows, std::int64_t columns);
  // What is folded: its op (null: a sum) and dtype.
  struct What {
    const Op* op = nullptr;
    Dtype dtype = Dtype::F32;
  };
  void add_chunks(const What& what, Code slots, Code chunk_elements, const Share& mine);
  void add_pairwise(const What& what, Code slots, const std::vector<Code>& starts,
                    const Share& mine);
  void add_slots(const What& what, Code slots, Code outputs, Code out, const Share& mine);
  Code slots_at(Code output, std::int64_t slot);
  Code merge(const Op* op, Code a, Code b);

  Writing& w_;
  Places& places_;
  Elements& elements_;
  Functions& functions_;
  std::optional<int> hand_over_;  // the function, once it is written
};

}  // namespace nodec::codegen
