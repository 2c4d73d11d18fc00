// Columns, rows and terms of a large contraction.
#include "compiler/codegen/large_contract.h"

#include "ir/abi.h"

namespace nodec::codegen {

using namespace plan;

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
              columns(sum, {at, w_.index(lanes), int(tile), false});
            });
  }
  w_.each(w_.times(rest, lanes), w_.times(mine.last, lanes), w_.times(mine.step, lanes),
          [&](Code at) {
            const Code count = w_.minimum(e.sub(w_.index(all), at), w_.index(lanes));
            columns(sum, {at, count, 1, whole != units});
          });
}

void LargeContracts::columns(const Sum& sum, const Columns& columns) {
  const std::int64_t rows = w_.axis(0).tile, whole = sum.k.rows / rows * rows;
  w_.each(w_.index(whole), rows, [&](Code row) { tile(sum, columns, row, rows); });
  if (whole < sum.k.rows) tile(sum, columns, w_.index(whole), sum.k.rows - whole);
}

void LargeContracts::tile(const Sum& sum, const Columns& columns, Code first, std::int64_t rows) {
  Emitter& e = w_.e;
  const Operand& out = sum.out;
  const auto place = [&](std::int64_t r, int v) {
    const Code row = e.add(first, w_.index(r));
    return elements_.offset(out, {row, e.add(columns.first, w_.index(v * e.lanes()))});
  };
  Emitter::Values sums;  // row by row
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int v = 0; v < columns.vectors; ++v) {
      sums.push_back(sum.add ? load(out.pointer, place(r, v), out.dtype, columns)
                             : w_.spread(w_.nothing(out.dtype)));
    }
  }
  for (const Term& term : sum.terms) {
    sums = add_term(term, sum.k.columns, columns, first, rows, std::move(sums));
  }
  auto value = sums.begin();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int v = 0; v < columns.vectors; ++v, ++value) {
      if (columns.masked) {
        e.store_masked(out.pointer, place(r, v), out.dtype, *value, columns.count);
      } else {
        e.store(out.pointer, place(r, v), out.dtype, *value);
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

Emitter::Values LargeContracts::add_term(const Term& t, std::int64_t width, const Columns& columns,
                                         Code first, std::int64_t rows, Emitter::Values sums) {
  Emitter& e = w_.e;
  const Code batch = places_.batch(), blocks = places_.symbol(kBlocksSymbol);
  const std::optional<int> scale = t.term->scale;
  const auto sample = [&](Code block, Code lane, Code from, Emitter::Values s) {
    const Code row = e.add(row_start(t, width, block, lane), columns.first);
    std::vector<Code> h;
    for (int v = 0; v < columns.vectors; ++v) {
      h.push_back(row_elements(t, e.add(row, w_.index(v * e.lanes())), columns));
    }
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
  };
  return e.loop(w_.zero, blocks, w_.one, std::move(sums), [&](Code block, Emitter::Values outer) {
    const Code from = w_.times(block, t.block_elements);
    const Code left = w_.minimum(e.sub(batch, w_.times(block, kBlock)), w_.index(kBlock));
    return e.loop(w_.zero, left, w_.one, std::move(outer), [&](Code lane, Emitter::Values s) {
      return sample(block, lane, from, std::move(s));
    });
  });
}

}  // namespace nodec::codegen
