// Contractions over the batch with many outputs, the weights' cotangents of a wide layer: out[m, n]
// (+)= sum over terms and samples of g[m] * h[n], each output one chain over (term, sample).
//
// Columns are lanes, rows are sums held beside each other: a tile of columns shares each sample's
// broadcast rows. Members take vectors of columns.
#pragma once

#include <vector>

#include "compiler/codegen/elements.h"
#include "compiler/codegen/functions.h"

namespace nodec::codegen {

class LargeContracts {
 public:
  LargeContracts(Writing& writing, Places& places, Elements& elements, Functions& functions)
      : w_(writing), places_(places), elements_(elements), functions_(functions) {}

  void write(const plan::LargeContract& k);

 private:
  // A term made ready before the loops.
  struct Term {
    const plan::RowsTerm* term = nullptr;
    const plan::TableRows* rows = nullptr;  // or those of each sample
    Operand g;                              // block 0; the others follow at a fixed distance
    std::int64_t block_elements = 0;
    Code pointer;  // of the rows, or of the table they come from
    Dtype dtype = Dtype::F32;
    Operand index;
    Code last;  // the table's last row
    std::vector<std::vector<Operand>> extra;
  };
  // Neighbouring columns, one or more vectors of them; `masked`: one vector, of which the first
  // `count` lanes count.
  struct Columns {
    Code first, count;
    int vectors = 1;
    bool masked = false;
  };
  // What is summed, and whether it goes on from out's own values.
  struct Sum {
    const plan::LargeContract& k;
    Operand out;
    std::vector<Term> terms;
    bool add = false;
  };

  Term ready(const plan::RowsTerm& term);
  void contract(const Sum& sum);
  void columns(const Sum& sum, const Columns& columns);
  void tile(const Sum& sum, const Columns& columns, Code first, std::int64_t rows);
  Emitter::Values add_term(const Term& term, std::int64_t width, const Columns& columns, Code first,
                           std::int64_t rows, Emitter::Values sums);
  Code load(Code pointer, Code at, Dtype dtype, const Columns& columns);
  Code row_start(const Term& term, std::int64_t width, Code block, Code lane);
  Code row_elements(const Term& term, Code at, const Columns& columns);

  Writing& w_;
  Places& places_;
  Elements& elements_;
  Functions& functions_;
};

}  // namespace nodec::codegen
