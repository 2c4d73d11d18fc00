// Data on its way into and out of tiles: gathered rows, ports' samples, rows for a contraction.
#pragma once

#include <vector>

#include "compiler/codegen/elements.h"
#include "compiler/codegen/functions.h"

namespace nodec::codegen {

class TileMoves {
 public:
  TileMoves(Writing& writing, Places& places, Elements& elements, Functions& functions)
      : w_(writing), places_(places), elements_(elements), functions_(functions) {}

  void write(const plan::GatherRows& k);
  void write(const plan::ScatterRows& k);
  void write(const plan::Transfer& k);
  void write(const plan::TransposeRows& k);

 private:
  void gather_lanes(const plan::GatherRows& k, const Operand& table, const Operand& out, Code row);
  void move(const plan::Transfer& k, bool full);
  void put_samples(const plan::Transfer& k, Code pointer, Code value, bool full, Code left);
  void rest(const plan::Axis& how, std::int64_t whole, std::int64_t width,
            const std::function<void(Code first, std::int64_t n)>& move);
  void put_rows(const Operand& x, Code rows, Code first, std::int64_t width);

  Writing& w_;
  Places& places_;
  Elements& elements_;
  Functions& functions_;
};

}  // namespace nodec::codegen
