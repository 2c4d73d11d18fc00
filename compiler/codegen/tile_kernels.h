// Kernels on one tile: every value is a vector of samples, elements are walked by rolled loops.
// Products keep a tile of running sums in registers (one fma chain each, in order) and stream the
// rest: each weight is loaded once per tile and broadcast by the fma that uses it.
#pragma once

#include <vector>

#include "compiler/codegen/elements.h"

namespace nodec::codegen {

class TileKernels {
 public:
  // `functions`: of the plan, as the emitter numbers them.
  TileKernels(Writing& writing, Places& places, Elements& elements,
              const std::vector<int>& functions)
      : w_(writing), places_(places), elements_(elements), functions_(functions) {}

  // Maps, products, folds and calls: one, or a run of them.
  void write(std::span<const plan::Kernel* const> run);

 private:
  void write(const plan::FoldElements& k);
  void write(const plan::Invoke& k);
  struct TurnOf {
    const plan::Map* map;
    ReadyMap ready;
  };
  void turn(const TurnOf& map, const Indices& at, bool others);  // others may need what it makes
  struct Rows {
    Code first;
    std::int64_t count, apart;  // from one to the next
  };
  void matvec_rows(const plan::MatVec& k, const std::vector<Operand>& x, const Rows& rows,
                   const std::vector<TurnOf>& maps);
  Emitter::Values fold(const plan::FoldElements& k, const ReadyMap& ready, std::size_t axis,
                       Indices at, Emitter::Values state);
  // What computations make of one element.
  std::vector<Code> made_at(const std::vector<plan::Compute>& computes, const ReadyMap& ready,
                            const Indices& at);

  Writing& w_;
  Places& places_;
  Elements& elements_;
  const std::vector<int>& functions_;
};

}  // namespace nodec::codegen
