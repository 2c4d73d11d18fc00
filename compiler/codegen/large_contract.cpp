// Columns, rows and terms of a large contraction.
#include "compiler/codegen/large_contract.h"

#include "ir/abi.h"

namespace nodec::codegen {

using namespace plan;

namespace {

constexpr std::int64_t kCacheLine = 64;

}  // namespace

// The terms' functions go on in memory, one after another; without them all terms share the
// registers.
void LargeContracts::write(const LargeContract& k) {
  const Operand out = elements_.ready(k.out);
  if (w_.how->functions.empty()) {
    std::vector<Term> terms;
    for (const RowsTerm& term : k.terms) terms.push_back(ready(term));
    return contract({k, out, std::move(terms), k.accumulate});
  }
  for (std::size_t i = 0; i < k.terms.size(); ++i) {
    const Term term = ready(k.terms[i]);
    constexpr Scalar kPointers[] = {Scalar::Pointer, Scalar::Pointer, Scalar::Pointer};
    const auto body = [&](std::span<const Code> pointers) {
      Sum sum{k, out, {term}, k.accumulate || i > 0};
      sum.terms[0].g.pointer = pointers[0];
      sum.terms[0].pointer = pointers[1];
      sum.out.pointer = pointers[2];
      contract(sum);
    };
    functions_.call(i, kPointers, std::vector<Code>{term.g.pointer, term.pointer, out.pointer},
                    body);
  }
}

void LargeContracts::contract(const Sum& sum) {
  Emitter& e = w_.e;
  const int lanes = e.lanes();
  const std::int64_t all = sum.k.columns, whole = all / lanes, units = (all + lanes - 1) / lanes;
  if (w_.how->flat) {
    // Tiles of rows beside vectors of columns, each a member's own.
    const std::int64_t height = w_.axis(0).tile;
    const Share tiles = w_.share(w_.index(sum.k.rows / height * units));
    return w_.each(tiles.first, tiles.last, tiles.step, [&](Code unit) {
      const Code strip = e.quotient(unit, w_.index(units));
      const Code at = w_.times(e.sub(unit, w_.times(strip, units)), lanes);
      const Code count = w_.minimum(e.sub(w_.index(all), at), w_.index(lanes));
      tile(sum, {at, count, 1, whole != units}, w_.times(strip, height), height);
    });
  }
  const Share mine = w_.share(w_.index(units));
  Code rest = mine.first;
  const std::int64_t tile = w_.axis(1).tile;
  // Of a share whose vectors are neighbours.
  if (whole >= tile && tile > 1) {
    const Code inside = e.sub(w_.minimum(mine.last, w_.index(whole)), mine.first);
    rest = e.add(mine.first, w_.times(e.quotient(inside, w_.index(tile)), tile));
    w_.each(w_.times(mine.first, lanes), w_.times(rest, lanes), w_.index(tile * lanes),
            [&](Code at) {
              claim_beside(mine, at, int(tile));
              columns(sum, {at, w_.index(lanes), int(tile), false});
            });
  }
  w_.each(w_.times(rest, lanes), w_.times(mine.last, lanes), w_.times(mine.step, lanes),
          [&](Code at) {
            const Code count = w_.minimum(e.sub(w_.index(all), at), w_.index(lanes));
            claim_beside(mine, at, 1);
            columns(sum, {at, count, 1, whole != units});
          });
}

// As much of a thread's share as it does of its columns now: `vectors` from `at` on. The share is
// that of a DenseNest whose axis is lanes.
void LargeContracts::claim_beside(const Share& all, Code at, int vectors) {
  Emitter& e = w_.e;
  const int lanes = e.lanes();
  for (const Claim& c : w_.how->claims) {
    const Dtype dtype = w_.buffer(c.buffer).dtype;
    const Share mine = w_.share(w_.index((c.elements + lanes - 1) / lanes));
    const Code many = e.sub(mine.last, mine.first), of = e.sub(all.last, all.first);
    const auto part = [&](Code done) {
      return w_.times(e.add(mine.first, e.quotient(e.mul(many, done), of)), lanes);
    };
    const Code done = e.sub(e.quotient(at, w_.index(lanes)), all.first);
    const Code end = w_.minimum(part(e.add(done, w_.index(vectors))), w_.index(c.elements));
    const Code array = places_.base(c.buffer);
    w_.each(part(done), end, w_.index(kCacheLine / size_of(dtype)),
            [&](Code element) { e.claim(array, element, dtype); });
  }
}

void LargeContracts::columns(const Sum& sum, const Columns& columns) {
  if (w_.how->packed) return panels(sum, columns);
  each_tile(sum, [&](Code first, std::int64_t rows) { tile(sum, columns, first, rows); });
}

void LargeContracts::each_tile(const Sum& sum,
                               const std::function<void(Code first, std::int64_t rows)>& f) {
  const std::int64_t rows = w_.axis(0).tile, whole = sum.k.rows / rows * rows;
  w_.each(w_.index(whole), rows, [&](Code row) { f(row, rows); });
  if (whole < sum.k.rows) f(w_.index(whole), sum.k.rows - whole);
}

void LargeContracts::tile(const Sum& sum, const Columns& columns, Code first, std::int64_t rows) {
  Emitter::Values sums = start(sum, columns, first, rows, sum.add);
  const Blocks all{w_.zero, places_.symbol(kBlocksSymbol)};
  for (const Term& term : sum.terms) {
    const RowOf row_of = rows_of(term, sum.k.columns, columns);
    sums = add_term(term, all, first, rows, std::move(sums), row_of);
  }
  finish(sum, columns, first, rows, sums);
}

void LargeContracts::panels(const Sum& sum, const Columns& columns) {
  Emitter& e = w_.e;
  const std::int64_t turns = w_.axis(2).block / kBlock;  // blocks of a panel
  const std::int64_t width = columns.vectors * e.lanes();
  if (!sum.add) {
    each_tile(sum, [&](Code first, std::int64_t rows) {
      finish(sum, columns, first, rows, start(sum, columns, first, rows, false));
    });
  }
  const Code all = places_.symbol(kBlocksSymbol);
  const Dtype dtype = sum.out.dtype;
  const Code panel = e.local(turns * kBlock * width * std::int64_t(size_of(dtype)));
  for (const Term& term : sum.terms) {
    w_.each(all, turns, [&](Code from) {
      const Blocks blocks{from, w_.minimum(e.add(from, w_.index(turns)), all)};
      pack(sum, term, columns, blocks, panel);
      const RowOf packed = [&](Code block, Code lane) {
        const Code at = w_.times(e.add(w_.times(e.sub(block, from), kBlock), lane), width);
        std::vector<Code> row;
        for (int v = 0; v < columns.vectors; ++v) {
          row.push_back(e.load_lanes(panel, e.add(at, w_.index(v * e.lanes())), dtype));
        }
        return row;
      };
      each_tile(sum, [&](Code first, std::int64_t rows) {
        Emitter::Values sums = start(sum, columns, first, rows, true);
        finish(sum, columns, first, rows,
               add_term(term, blocks, first, rows, std::move(sums), packed));
      });
    });
  }
}

void LargeContracts::pack(const Sum& sum, const Term& term, const Columns& columns,
                          const Blocks& blocks, Code to) {
  Emitter& e = w_.e;
  const RowOf row_of = rows_of(term, sum.k.columns, columns);
  each_sample(blocks, {}, [&](Code block, Code lane, Emitter::Values none) {
    const Code sample = e.add(w_.times(e.sub(block, blocks.first), kBlock), lane);
    const Code at = w_.times(sample, columns.vectors * e.lanes());
    const std::vector<Code> row = row_of(block, lane);
    for (int v = 0; v < columns.vectors; ++v) {
      e.store(to, e.add(at, w_.index(v * e.lanes())), sum.out.dtype, row[std::size_t(v)]);
    }
    return none;
  });
}

Code LargeContracts::place(const Sum& sum, const Columns& columns, Code row, int vector) {
  const Code column = w_.e.add(columns.first, w_.index(vector * w_.e.lanes()));
  return elements_.offset(sum.out, {row, column});
}

// Sums of a tile, row by row: those in memory, or none.
Emitter::Values LargeContracts::start(const Sum& sum, const Columns& columns, Code first,
                                      std::int64_t rows, bool add) {
  Emitter::Values sums;
  for (std::int64_t r = 0; r < rows; ++r) {
    const Code row = w_.e.add(first, w_.index(r));
    for (int v = 0; v < columns.vectors; ++v) {
      sums.push_back(
          add ? load(sum.out.pointer, place(sum, columns, row, v), sum.out.dtype, columns)
              : w_.spread(w_.nothing(sum.out.dtype)));
    }
  }
  return sums;
}

void LargeContracts::finish(const Sum& sum, const Columns& columns, Code first, std::int64_t rows,
                            const Emitter::Values& sums) {
  auto value = sums.begin();
  for (std::int64_t r = 0; r < rows; ++r) {
    const Code row = w_.e.add(first, w_.index(r));
    for (int v = 0; v < columns.vectors; ++v, ++value) {
      const Code at = place(sum, columns, row, v);
      if (columns.masked) {
        w_.e.store_masked(sum.out.pointer, at, sum.out.dtype, *value, columns.count);
      } else {
        w_.e.store(sum.out.pointer, at, sum.out.dtype, *value);
      }
    }
  }
}

Code LargeContracts::load(Code pointer, Code at, Dtype dtype, const Columns& columns) {
  return columns.masked ? w_.e.load_lanes_masked(pointer, at, dtype, columns.count)
                        : w_.e.load_lanes(pointer, at, dtype);
}

LargeContracts::Term LargeContracts::ready(const RowsTerm& term) {
  places_.go_to_start();
  Term t;
  t.term = &term;
  t.g = elements_.ready(term.g);
  if (t.g.varying) {
    t.block_elements = places_.block_bytes(term.g.buffer) / size_of(w_.buffer(term.g.buffer).dtype);
  }
  if (const SampleRows* rows = std::get_if<SampleRows>(&term.h)) {
    t.pointer = places_.base(rows->buffer);
    t.dtype = w_.buffer(rows->buffer).dtype;
    return t;
  }
  t.rows = &std::get<TableRows>(term.h);
  const Operand table = elements_.ready(t.rows->table);
  t.pointer = table.pointer;
  t.dtype = table.dtype;
  t.index = elements_.ready(t.rows->index);
  t.last = w_.e.sub(places_.evaluate(t.rows->limit), w_.one);
  for (const Compute& c : t.rows->computes) t.extra.push_back(elements_.ready_all(c));
  return t;
}

// Where the row of block `block`'s sample `lane` begins, in elements.
Code LargeContracts::row_start(const Term& t, std::int64_t width, Code block, Code lane) {
  const Code sample = w_.e.add(w_.times(block, kBlock), lane);
  if (t.rows == nullptr) return w_.times(sample, width);
  const Operand index = elements_.of_sample(t.index, t.rows->index, block, lane);
  const Code row = w_.e.load(index.pointer, index.varying ? w_.zero : sample, index.dtype);
  return w_.times(elements_.clamped(row, t.last), width);
}

// One vector of a sample's row, after what is done to each element.
Code LargeContracts::row_elements(const Term& t, Code at, const Columns& columns) {
  std::vector<Code> made;
  const Code h = load(t.pointer, at, t.dtype, columns);
  for (std::size_t i = 0; i < t.extra.size(); ++i) {
    const Compute& c = t.rows->computes[i];
    std::vector<Code> x;
    for (std::size_t j = 0; j < t.extra[i].size(); ++j) {
      const Source& s = c.operands[j];
      if (std::holds_alternative<RowElement>(s)) {
        x.push_back(h);
      } else if (const Register* r = std::get_if<Register>(&s)) {
        x.push_back(made[r->compute]);
      } else {
        x.push_back(w_.spread(elements_.read(t.extra[i][j], w_.zero)));
      }
    }
    made.push_back(elements_.apply(c.op, x));
  }
  return made.empty() ? h : made.back();
}

// The vectors of samples' rows as they are read.
LargeContracts::RowOf LargeContracts::rows_of(const Term& t, std::int64_t width,
                                              const Columns& columns) {
  return [this, &t, width, columns](Code block, Code lane) {
    const Code row = w_.e.add(row_start(t, width, block, lane), columns.first);
    std::vector<Code> vectors;
    for (int v = 0; v < columns.vectors; ++v) {
      vectors.push_back(row_elements(t, w_.e.add(row, w_.index(v * w_.e.lanes())), columns));
    }
    return vectors;
  };
}

Emitter::Values LargeContracts::each_sample(const Blocks& blocks, Emitter::Values state,
                                            const Sample& body) {
  Emitter& e = w_.e;
  const Code batch = places_.batch();
  return e.loop(
      blocks.first, blocks.last, w_.one, std::move(state), [&](Code block, Emitter::Values outer) {
        const Code left = w_.minimum(e.sub(batch, w_.times(block, kBlock)), w_.index(kBlock));
        return e.loop(w_.zero, left, w_.one, std::move(outer), [&](Code lane, Emitter::Values s) {
          return body(block, lane, std::move(s));
        });
      });
}

Emitter::Values LargeContracts::add_term(const Term& t, const Blocks& blocks, Code first,
                                         std::int64_t rows, Emitter::Values sums,
                                         const RowOf& row_of) {
  Emitter& e = w_.e;
  const std::optional<int> scale = t.term->scale;
  return each_sample(blocks, std::move(sums), [&](Code block, Code lane, Emitter::Values s) {
    const Code from = w_.times(block, t.block_elements);
    const std::vector<Code> h = row_of(block, lane);
    auto sum = s.begin();
    for (std::int64_t r = 0; r < rows; ++r) {
      Code at = w_.times(e.add(first, w_.index(r)), t.g.strides[0] * t.g.unit());
      if (t.g.varying) at = e.add(e.add(from, at), lane);
      Code g = t.g.in_memory ? e.load(t.g.pointer, at, t.g.dtype) : t.g.value;
      if (scale) g = e.mul(w_.scalar(*scale), g);
      for (const Code& x : h) {
        *sum = e.fma(g, x, *sum);
        ++sum;
      }
    }
    return s;
  });
}

}  // namespace nodec::codegen
