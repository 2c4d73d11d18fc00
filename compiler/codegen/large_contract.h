// Contractions over the batch with many outputs, the weights' cotangents of a wide layer: out[m, n]
// (+)= sum over terms and samples of g[m] * h[n], each output one chain over (term, sample).
//
// Columns are lanes, rows are sums held beside each other: a tile of columns shares each sample's
// broadcast rows. Members take vectors of columns. Elements that are worked on as they are read,
// and serve several tiles of rows, are made once for a panel of samples; sums stop at memory
// between two panels.
#pragma once

#include <functional>
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
  // Samples [16 first, 16 last), as far as the batch reaches.
  struct Blocks {
    Code first, last;
  };
  // The vectors of a sample's row.
  using RowOf = std::function<std::vector<Code>(Code block, Code lane)>;
  // What is summed, and whether it goes on from out's own values.
  struct Sum {
    const plan::LargeContract& k;
    Operand out;
    std::vector<Term> terms;
    bool add = false;
  };

  Term ready(const plan::RowsTerm& term);
  void contract(const Sum& sum);
  void claim_beside(const Share& all, Code at, int vectors);
  void columns(const Sum& sum, const Columns& columns);
  void panels(const Sum& sum, const Columns& columns);
  void each_tile(const Sum& sum, const std::function<void(Code first, std::int64_t rows)>& f);
  void tile(const Sum& sum, const Columns& columns, Code first, std::int64_t rows);
  void pack(const Sum& sum, const Term& term, const Columns& columns, const Blocks& blocks,
            Code to);
  Emitter::Values start(const Sum& sum, const Columns& columns, Code first, std::int64_t rows,
                        bool add);
  void finish(const Sum& sum, const Columns& columns, Code first, std::int64_t rows,
              const Emitter::Values& sums);
  Emitter::Values add_term(const Term& term, const Blocks& blocks, Code first, std::int64_t rows,
                           Emitter::Values sums, const RowOf& row_of);
  using Sample = std::function<Emitter::Values(Code block, Code lane, Emitter::Values state)>;
  Emitter::Values each_sample(const Blocks& blocks, Emitter::Values state, const Sample& body);
  RowOf rows_of(const Term& term, std::int64_t width, const Columns& columns);
  Code place(const Sum& sum, const Columns& columns, Code row, int vector);
  Code load(Code pointer, Code at, Dtype dtype, const Columns& columns);
  Code row_start(const Term& term, std::int64_t width, Code block, Code lane);
  Code row_elements(const Term& term, Code at, const Columns& columns);

  Writing& w_;
  Places& places_;
  Elements& elements_;
  Functions& functions_;
};

}  // namespace nodec::codegen
