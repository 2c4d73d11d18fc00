// Terms into slots, and slots into results.
#include "compiler/codegen/batch_sums.h"

#include <map>

#include "ir/primitive.h"
#include "kernels/catalogue.h"

namespace nodec::codegen {

using namespace plan;

namespace {

constexpr std::int64_t kLine = 64, kWord = 4;  // what an arena is divided by, and copied by

}  // namespace

void BatchSums::clear(const ClearSlots& node) {
  const Buffer& b = w_.buffer(node.slots);
  Code empty = w_.nothing(b.dtype);
  if (node.op && node.op->primitive->fold.start) {
    empty = node.op->primitive->fold.start(w_.e, *node.op).back();
  }
  const Code slots = places_.slots(node.slots);
  const bool by_lanes = w_.how->axes[0].lanes;
  const Code value = by_lanes ? w_.spread(empty) : empty;
  const std::int64_t lanes = by_lanes ? w_.e.lanes() : 1;
  const Share mine = w_.team.within(w_.index(b.elements * kBlock / lanes));
  w_.each(w_.times(mine.first, lanes), w_.times(mine.last, lanes), w_.times(mine.step, lanes),
          [&](Code at) { w_.e.store(slots, at, b.dtype, value); });
}

// The slots that the lanes of this tile add to.
Code BatchSums::slots_of_tile(int buffer) {
  const Code slots = places_.slots(buffer);
  const std::int64_t size = size_of(w_.buffer(buffer).dtype);
  return w_.e.pointer_add(slots, w_.times(places_.tile().lane, size));
}

void BatchSums::write(const Kernel& kernel) {
  if (const SlotSum* sum = std::get_if<SlotSum>(&kernel)) return write(*sum);
  write(std::get<SlotContract>(kernel));
}

// `add` for each term's factors, the terms a loop where they are equally far apart.
Emitter::Values BatchSums::each_term(
    const std::vector<Factors>& x, std::size_t terms, Emitter::Values sums,
    const std::function<Emitter::Values(std::size_t, const Factors&, Emitter::Values)>& add) {
  const std::vector<std::int64_t>& apart = w_.how->apart;
  if (apart.empty()) {
    for (std::size_t t = 0; t < x.size(); ++t) sums = add(t, x[t], std::move(sums));
    return sums;
  }
  for (Code& sum : sums) sum = w_.spread(sum);
  const Code count = w_.index(std::int64_t(terms));
  return w_.e.loop(w_.zero, count, w_.one, std::move(sums), [&](Code t, Emitter::Values s) {
    Factors there = x[0];
    for (std::size_t i = 0; i < apart.size(); ++i) {
      there[i].pointer = w_.e.pointer_add(there[i].pointer, w_.times(t, apart[i]));
    }
    return add(0, there, std::move(s));
  });
}

void BatchSums::write(const SlotSum& k) {
  const Dtype dtype = w_.buffer(k.slots).dtype;
  const Code slots = slots_of_tile(k.slots);
  std::vector<Factors> x;
  for (const SlotTerm& t : k.terms) {
    const Operand first = elements_.ready(t.x);
    x.push_back({first, elements_.ready_if(t.y)});
    if (!w_.how->apart.empty()) break;
  }
  std::int64_t outputs = 1;
  std::vector<std::int64_t> strides(k.outer.size());
  for (std::size_t i = k.outer.size(); i-- > 0;) {
    strides[i] = outputs * kBlock;
    outputs *= k.outer[i];
  }
  w_.elements(k.outer, [&](const Indices& outer) {
    Code at = w_.zero;
    for (std::size_t i = 0; i < outer.size(); ++i) {
      at = w_.e.add(at, w_.times(outer[i], strides[i]));
    }
    const Code before = w_.e.load_lanes(slots, at, dtype);
    const auto add = [&](std::size_t t, const Factors& factors, const Emitter::Values& sum) {
      return Emitter::Values{add_term(k, t, factors, outer, sum[0])};
    };
    const Code after = each_term(x, k.terms.size(), {before}, add)[0];
    w_.e.store(slots, at, dtype, w_.e.select(places_.tile().valid, after, before));
  });
}

// The sum, gone on over one term's elements.
Code BatchSums::add_term(const SlotSum& k, std::size_t number, const Factors& x, Indices at,
                         Code sum) {
  const SlotTerm& term = k.terms[number];
  const std::size_t axis = at.size() - k.outer.size();
  if (axis < term.inner.size()) {
    const auto turn = [&](Code i, Emitter::Values state) {
      Indices deeper = at;
      deeper.push_back(i);
      return Emitter::Values{add_term(k, number, x, std::move(deeper), state[0])};
    };
    return w_.turns(at.size(), term.inner[axis], {sum}, turn)[0];
  }
  Code v = elements_.read_at(x[0], at);
  if (term.scale) v = w_.e.mul(w_.scalar(*term.scale), v);
  if (term.y) return w_.e.fma(v, elements_.read_at(x[1], at), sum);
  if (k.op->primitive == &sum_p) return w_.e.add(sum, v);
  const Code no_index = w_.e.constant(Scalar::I64, 0);
  return w_.spread(k.op->primitive->fold.step(w_.e, *k.op, {sum}, w_.spread(v), no_index).back());
}

void BatchSums::write(const SlotContract& k) {
  const Code slots = slots_of_tile(k.slots);
  std::vector<Factors> x;
  for (const ContractTerm& t : k.terms) {
    const Operand g = elements_.ready(t.g);
    x.push_back({g, elements_.ready(t.h)});
    if (!w_.how->apart.empty()) break;
  }
  w_.team.squares({k.rows, w_.axis(0).tile}, {k.columns, w_.axis(1).tile},
                  [&](Code row, std::int64_t rows, Code column, std::int64_t columns) {
                    contract(k, x, slots, row, column, rows, columns);
                  });
}

void BatchSums::contract(const SlotContract& k, const std::vector<Factors>& x, Code slots, Code row,
                         Code column, std::int64_t rows, std::int64_t columns) {
  const Dtype dtype = w_.buffer(k.slots).dtype;
  const Code first = w_.times(w_.e.add(w_.times(row, k.columns), column), kBlock);
  std::vector<Code> before;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const std::int64_t output = r * k.columns + c;
      before.push_back(w_.e.load_lanes(slots, w_.e.add(first, w_.index(output * kBlock)), dtype));
    }
  }
  const auto add = [&](std::size_t t, const Factors& factors, Emitter::Values sums) {
    std::vector<Code> g;
    for (std::int64_t r = 0; r < rows; ++r) {
      Code v = elements_.read_at(factors[0], {w_.e.add(row, w_.index(r))});
      if (const auto scale = k.terms[t].scale) v = w_.e.mul(w_.scalar(*scale), v);
      g.push_back(w_.spread(v));
    }
    for (std::int64_t c = 0; c < columns; ++c) {
      const Code h = w_.spread(elements_.read_at(factors[1], {w_.e.add(column, w_.index(c))}));
      for (std::int64_t r = 0; r < rows; ++r) {
        Code& sum = sums[std::size_t(r * columns + c)];
        sum = w_.e.fma(g[std::size_t(r)], h, sum);
      }
    }
    return sums;
  };
  const Emitter::Values sums = each_term(x, k.terms.size(), before, add);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto i = std::size_t(r * columns + c);
      const Code at = w_.e.add(first, w_.index((r * k.columns + c) * kBlock));
      w_.e.store(slots, at, dtype, w_.e.select(places_.tile().valid, sums[i], before[i]));
    }
  }
}

// Neighbours in the arena at once, in words, whatever they are. Out of line: in line its loops
// would take registers that all around it needs.
void BatchSums::hand_over(const std::vector<int>& slots) {
  std::map<std::int64_t, std::int64_t> ends;  // by where a piece begins
  for (const int id : slots) {
    const Buffer& b = w_.buffer(id);
    const std::int64_t first = w_.place(id).before;
    ends[first] = first + (b.elements * kBlock * size_of(b.dtype) + kLine - 1) / kLine * kLine;
  }
  constexpr Scalar kParameters[] = {Scalar::Index, Scalar::Index};
  if (!hand_over_) {
    hand_over_ = functions_.write(Scope::Team, "hand_over", kParameters,
                                  [&](std::span<const Code> x) { hand_over(x[0], x[1]); });
  }
  for (auto at = ends.begin(); at != ends.end();) {
    auto [first, end] = *at;
    for (++at; at != ends.end() && at->first == end; ++at) end = at->second;
    w_.e.call(*hand_over_, std::vector<Code>{w_.index(first), w_.index((end - first) / kWord)});
  }
}

void BatchSums::hand_over(Code first, Code words) {
  Emitter& e = w_.e;
  w_.when(e.arenas_shared(), [&] {
    e.barrier(Scope::Member);  // any lane may have added to any slot
    w_.team.chunks(places_.symbol(kChunksSymbol), [&](Code chunk) {
      const Code from = e.pointer_add(e.arena(chunk), first);
      const Code of_chunk = e.pointer_add(e.arenas(), w_.times(chunk, w_.schedule.arena_bytes));
      const Code to = e.pointer_add(of_chunk, first);
      const Share mine = w_.team.within(words);
      w_.each(mine.first, mine.last, mine.step,
              [&](Code at) { e.store(to, at, Dtype::I32, e.load(from, at, Dtype::I32)); });
    });
  });
}

Code BatchSums::merge(const Op* op, Code a, Code b) {
  if (!op) return w_.e.add(a, b);
  return op->primitive->fold.merge(w_.e, *op, {a}, {b}).back();
}

// Every member adds the chunks, then the slots, of its own outputs.
void BatchSums::fold(const FoldSlots& node) {
  const Buffer& b = w_.buffer(node.slots);
  const What what{node.op, b.dtype};
  constexpr Scalar kParameters[] = {Scalar::Pointer, Scalar::Index, Scalar::Pointer};
  const Code slots = places_.all_slots(node.slots), out = elements_.ready(node.out).pointer;
  const bool arenas = w_.place(node.slots).kind == Place::Kind::Chunk;
  functions_.call(0, kParameters, std::vector<Code>{slots, w_.index(b.elements), out},
                  [&](std::span<const Code> x) {
                    const Share mine = w_.team.outputs(x[1]);
                    const Code apart =
                        arenas ? places_.chunk_elements(node.slots) : w_.times(x[1], kBlock);
                    add_chunks(what, x[0], apart, mine);
                    w_.e.barrier(Scope::Member);  // whole warps finish, idle lanes included
                    add_slots(what, x[0], x[1], x[2], mine);
                  });
}

// Where the slots of an output are that one varying value holds, from the first or a later one on.
Code BatchSums::slots_at(Code output, std::int64_t slot) {
  const Code first = w_.e.add(w_.times(output, kBlock), w_.index(slot));
  return w_.e.add(first, w_.team.slot());
}

// p[i] += p[i + s] where i mod 2s = 0 and i + s < chunks, for s = 1, 2, 4, ...; two of these levels
// at a time, so that four chunks are read and one is written.
void BatchSums::add_chunks(const What& what, Code slots, Code chunk_elements, const Share& mine) {
  Emitter& e = w_.e;
  const Code chunks = places_.symbol(kChunksSymbol);
  const auto below = [&](Code n) { return e.compare(Compare::Lt, n, chunks); };
  const auto add = [&](const std::vector<Code>& numbers) {
    std::vector<Code> starts;
    for (const Code& n : numbers) starts.push_back(e.mul(n, chunk_elements));
    add_pairwise(what, slots, starts, mine);
  };
  e.while_loop(
      {w_.one}, [&](const Emitter::Values& s) { return below(s[0]); },
      [&](Emitter::Values s) {
        const Code twice = e.add(s[0], s[0]), next = e.add(twice, twice);
        e.while_loop(
            {w_.zero}, [&](const Emitter::Values& i) { return below(e.add(i[0], s[0])); },
            [&](Emitter::Values i) {
              const Code first = i[0], second = e.add(first, s[0]);
              const Code third = e.add(first, twice), fourth = e.add(second, twice);
              w_.when(
                  below(fourth),
                  [&] {
                    add({first, second, third, fourth});
                  },
                  [&] {
                    add({first, second});
                    w_.when(below(third), [&] { add({first, third}); });
                  });
              return Emitter::Values{e.add(first, next)};
            });
        return Emitter::Values{next};
      });
}

// To the chunk at starts[0]: neighbours first, then their sums. A power of two of them.
void BatchSums::add_pairwise(const What& what, Code slots, const std::vector<Code>& starts,
                             const Share& mine) {
  Emitter& e = w_.e;
  w_.each(mine.first, mine.last, mine.step, [&](Code output) {
    for (std::int64_t slot = 0; slot < kBlock; slot += w_.team.slots_held()) {
      const Code at = slots_at(output, slot);
      std::vector<Code> sums;
      for (const Code& start : starts) {
        sums.push_back(e.load_lanes(slots, e.add(start, at), what.dtype));
      }
      for (std::size_t n = sums.size() / 2; n > 0; n /= 2) {
        for (std::size_t i = 0; i < n; ++i) {
          sums[i] = merge(what.op, sums[2 * i], sums[2 * i + 1]);
        }
      }
      e.store(slots, e.add(starts[0], at), what.dtype, sums[0]);
    }
  });
}

// Slots w apart, w = 8, 4, 2, 1: whole vectors while there are several, then lanes of one.
void BatchSums::add_slots(const What& what, Code slots, Code outputs, Code out, const Share& mine) {
  Emitter& e = w_.e;
  const auto sum = [&](Code output) {
    std::vector<Code> sums;
    for (std::int64_t slot = 0; slot < kBlock; slot += w_.team.slots_held()) {
      sums.push_back(e.load_lanes(slots, slots_at(output, slot), what.dtype));
    }
    for (std::size_t w = sums.size() / 2; w > 0; w /= 2) {
      for (std::size_t i = 0; i < w; ++i) sums[i] = merge(what.op, sums[i], sums[i + w]);
    }
    for (int w = w_.team.slots_held() / 2; w > 0; w /= 2) {
      sums[0] = merge(what.op, sums[0], e.shift_lanes(sums[0], w));
    }
    return sums[0];
  };
  w_.team.finish(mine, outputs, sum, [&](Code output, Code total) {
    e.store_masked(out, output, what.dtype, total, w_.one);
  });
}

}  // namespace nodec::codegen
