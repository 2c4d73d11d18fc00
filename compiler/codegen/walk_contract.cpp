// Contractions over the batch with many outputs: the weights' cotangents of a wide layer.
#include <algorithm>

#include "compiler/codegen/walk.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

// Each output is one chain over (term, sample): the terms' functions go on in memory, one after
// another, and without them all terms share the registers.
void Walker::kernel(const LargeContract& k) {
  const Operand out = ready(k.out);
  std::vector<LargeTerm> terms;
  if (how_->functions.empty()) {
    for (const RowsTerm& term : k.terms) terms.push_back(ready_term(term));
    return contract(k, out, terms, k.accumulate);
  }
  for (std::size_t i = 0; i < k.terms.size(); ++i) {
    const LargeTerm term = ready_term(k.terms[i]);
    constexpr Scalar kPointers[] = {Scalar::Pointer, Scalar::Pointer, Scalar::Pointer};
    call_shared(i, kPointers, {term.g.pointer, term.pointer, out.pointer},
                [&](std::span<const Code> pointers) {
                  LargeTerm here = term;
                  Operand to = out;
                  here.g.pointer = pointers[0];
                  here.pointer = pointers[1];
                  to.pointer = pointers[2];
                  contract(k, to, {here}, k.accumulate || i > 0);
                });
  }
}

// Threads take vectors of columns. A tile of them shares each sample's broadcast rows.
void Walker::contract(const LargeContract& k, const Operand& out,
                      const std::vector<LargeTerm>& terms, bool add) {
  const int lanes = e_.lanes();
  const std::int64_t whole = k.columns / lanes, units = (k.columns + lanes - 1) / lanes;
  const auto [first, last] = my_share(i64(units));
  Code rest = first;
  const std::int64_t tile = axis(1).tile;
  if (whole >= tile && tile > 1) {
    const Code tiles = e_.div_signed(e_.sub(minimum(last, i64(whole)), first), i64(tile));
    rest = e_.add(first, times(tiles, tile));
    e_.loop(times(first, lanes), times(rest, lanes), tile * lanes, {},
            [&](Code at, Emitter::Values) {
              contract_columns(k, out, terms, add, {at, i64(lanes), int(tile), false});
              return Emitter::Values{};
            });
  }
  e_.loop(times(rest, lanes), times(last, lanes), lanes, {}, [&](Code at, Emitter::Values) {
    const Code count = minimum(e_.sub(i64(k.columns), at), i64(lanes));
    contract_columns(k, out, terms, add, {at, count, 1, whole != units});
    return Emitter::Values{};
  });
}

void Walker::contract_columns(const LargeContract& k, const Operand& out,
                              const std::vector<LargeTerm>& terms, bool add,
                              const Columns& columns) {
  const std::int64_t rows = axis(0).tile;
  const std::int64_t whole = k.rows / rows * rows;
  e_.loop(zero_, i64(whole), rows, {}, [&](Code row, Emitter::Values) {
    contract_rows(k, out, terms, add, columns, row, rows);
    return Emitter::Values{};
  });
  if (whole < k.rows) contract_rows(k, out, terms, add, columns, i64(whole), k.rows - whole);
}

void Walker::contract_rows(const LargeContract& k, const Operand& out,
                           const std::vector<LargeTerm>& terms, bool add, const Columns& columns,
                           Code first, std::int64_t rows) {
  const auto place = [&](std::int64_t r, int v) {
    return offset(out, {e_.add(first, i64(r)), e_.add(columns.first, i64(v * e_.lanes()))});
  };
  Emitter::Values sums;  // row by row
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int v = 0; v < columns.vectors; ++v) {
      sums.push_back(add ? load_columns(out.pointer, place(r, v), out.dtype, columns)
                         : spread(e_.constant(scalar_kind(out.dtype), 0)));
    }
  }
  for (const LargeTerm& term : terms) {
    sums = add_term(term, k.columns, columns, first, rows, std::move(sums));
  }
  auto sum = sums.begin();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int v = 0; v < columns.vectors; ++v, ++sum) {
      if (columns.masked) {
        e_.store_masked(out.pointer, place(r, v), out.dtype, *sum, columns.count);
      } else {
        e_.store(out.pointer, place(r, v), out.dtype, *sum);
      }
    }
  }
}

Code Walker::load_columns(Code pointer, Code at, Dtype dtype, const Columns& columns) {
  return columns.masked ? e_.load_lanes_masked(pointer, at, dtype, columns.count)
                        : e_.load_lanes(pointer, at, dtype);
}

Walker::LargeTerm Walker::ready_term(const RowsTerm& term) {
  tile_.block = zero_;
  tile_.lane = zero_;
  LargeTerm t;
  t.term = &term;
  t.g = ready(term.g);
  if (t.g.varying) {
    const Buffer& b = plan_.buffers[static_cast<std::size_t>(term.g.buffer)];
    t.block_elements = block_bytes(term.g.buffer) / static_cast<std::int64_t>(bytes(b.dtype));
  }
  if (const SampleRows* rows = std::get_if<SampleRows>(&term.h)) {
    t.pointer = base(rows->buffer);
    t.dtype = plan_.buffers[static_cast<std::size_t>(rows->buffer)].dtype;
    return t;
  }
  t.rows = &std::get<TableRows>(term.h);
  const Operand table = ready(t.rows->table);
  t.pointer = table.pointer;
  t.dtype = table.dtype;
  t.index = ready(t.rows->index);
  t.last = e_.sub(evaluate(t.rows->limit), one_);
  for (const Compute& c : t.rows->computes) t.extra.push_back(ready_all(c));
  return t;
}

// Where the row of block `block`'s sample `lane` begins, in elements.
Code Walker::row_start(const LargeTerm& t, std::int64_t width, Code block, Code lane) {
  const Code sample = e_.add(times(block, kBlock), lane);
  if (t.rows == nullptr) return times(sample, width);
  const Operand index = of_sample(t.index, t.rows->index, block, lane);
  const Code row = e_.load(index.pointer, index.varying ? zero_ : sample, index.dtype);
  return times(clamped(row, t.last), width);
}

// One vector of a sample's row, after what is done to each element.
Code Walker::row_elements(const LargeTerm& t, Code at, const Columns& columns) {
  std::vector<Code> made;
  const Code h = load_columns(t.pointer, at, t.dtype, columns);
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
        x.push_back(spread(read(t.extra[i][j], zero_)));
      }
    }
    made.push_back(apply(c.op, x));
  }
  return made.empty() ? h : made.back();
}

Emitter::Values Walker::add_term(const LargeTerm& t, std::int64_t width, const Columns& columns,
                                 Code first, std::int64_t rows, Emitter::Values sums) {
  const Code batch = symbol(plan_.signature.batch), blocks = symbol(kBlocksSymbol);
  const std::optional<int> scale = t.term->scale;
  return e_.loop(zero_, blocks, 1, std::move(sums), [&](Code block, Emitter::Values outer) {
    const Code from = times(block, t.block_elements);
    const Code left = minimum(e_.sub(batch, times(block, kBlock)), i64(kBlock));
    return e_.loop(zero_, left, 1, std::move(outer), [&](Code lane, Emitter::Values s) {
      const Code row = e_.add(row_start(t, width, block, lane), columns.first);
      std::vector<Code> h;
      for (int v = 0; v < columns.vectors; ++v) {
        h.push_back(row_elements(t, e_.add(row, i64(v * e_.lanes())), columns));
      }
      auto sum = s.begin();
      for (std::int64_t r = 0; r < rows; ++r) {
        Code at = times(e_.add(first, i64(r)), t.g.strides[0] * unit(t.g));
        if (t.g.varying) at = e_.add(e_.add(from, at), lane);
        Code g = t.g.in_memory ? e_.load(t.g.pointer, at, t.g.dtype) : t.g.value;
        if (scale) g = e_.mul(scalars_[static_cast<std::size_t>(*scale)], g);
        for (const Code& x : h) {
          *sum = e_.fma(g, x, *sum);
          ++sum;
        }
      }
      return s;
    });
  });
}

}  // namespace nodec
