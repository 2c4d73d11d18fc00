// Kernels on tensors without a batch: output elements are split over the team, never a sum.
#include <algorithm>

#include "compiler/codegen/walk.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

void Walker::dense(const DenseKernel& k) {
  std::visit([&](const auto& one) { kernel(one); }, k);
}

void Walker::kernel(const DenseMap& k) {
  if (k.flat) return flat_map(k);
  std::vector<std::vector<Operand>> operands;
  std::vector<Operand> to;
  for (const Compute& c : k.computes) {
    operands.push_back(ready_all(c));
    to.push_back(c.to.buffer >= 0 ? ready(c.to) : Operand{});
  }
  std::vector<Code> extents;
  for (const Dim& d : k.extents) extents.push_back(evaluate(d));
  Indices at;
  each_dense(extents, 0, at, [&](const Indices& here) {
    std::vector<Code> made;
    for (std::size_t i = 0; i < k.computes.size(); ++i) {
      made.push_back(compute(k.computes[i], operands[i], made, here));
    }
    for (std::size_t i = 0; i < k.computes.size(); ++i) {
      if (to[i].in_memory) write_at(to[i], here, made[i]);
    }
  });
}

// The first axis is split over the team; without any axis thread 0 does the work.
void Walker::each_dense(const std::vector<Code>& extents, std::size_t axis, Indices& at,
                        const std::function<void(const Indices&)>& body) {
  if (extents.empty()) return only_first([&] { body(at); });
  if (axis == extents.size()) return body(at);
  const auto [first, last] = axis == 0 ? my_share(extents[0]) : std::pair{zero_, extents[axis]};
  e_.loop(first, last, 1, {}, [&](Code index, Emitter::Values) {
    at.push_back(index);
    each_dense(extents, axis + 1, at, body);
    at.pop_back();
    return Emitter::Values{};
  });
}

// One loop over all elements, a vector at a time; the last, shorter vector is masked.
void Walker::flat_map(const DenseMap& k) {
  std::vector<std::vector<Operand>> operands;
  std::vector<Operand> to;
  for (const Compute& c : k.computes) {
    operands.push_back(ready_all(c));
    to.push_back(c.to.buffer >= 0 ? ready(c.to) : Operand{});
  }
  Dim total(1);
  for (const Dim& d : k.extents) total = total * d;
  const int lanes = e_.lanes();
  const Code count = evaluate(total);
  const Code units = e_.div_signed(e_.add(count, i64(lanes - 1)), i64(lanes));
  const auto [first, last] = my_share(units);
  const bool whole = total.is_constant() && total.constant() % lanes == 0;
  e_.loop(times(first, lanes), times(last, lanes), lanes, {}, [&](Code at, Emitter::Values) {
    const Code left = minimum(e_.sub(count, at), i64(lanes));
    flat_turn(k, operands, to, at, left, !whole);
    return Emitter::Values{};
  });
}

void Walker::flat_turn(const DenseMap& k, const std::vector<std::vector<Operand>>& operands,
                       const std::vector<Operand>& to, Code at, Code count, bool masked) {
  std::vector<Code> made;
  const auto load = [&](const Operand& x) {
    const bool still =
        std::all_of(x.strides.begin(), x.strides.end(), [](std::int64_t s) { return s == 0; });
    if (!x.in_memory || still) return spread(read(x, zero_));
    return in_register(masked ? e_.load_lanes_masked(x.pointer, at, x.dtype, count)
                              : e_.load_lanes(x.pointer, at, x.dtype),
                       x.dtype);
  };
  for (std::size_t i = 0; i < k.computes.size(); ++i) {
    const Compute& c = k.computes[i];
    std::vector<Code> x;
    Code index = zero_;
    for (std::size_t j = 0; j < c.operands.size(); ++j) {
      const Source& s = c.operands[j];
      if (s.kind == Source::Kind::Register) {
        x.push_back(made[static_cast<std::size_t>(s.id)]);
      } else if (s.kind == Source::Kind::Index) {
        index = e_.add(spread(at), e_.convert(e_.lane_index(), Scalar::I64));
      } else if (s.ref.buffer < 0 && s.ref.scalar < 0) {
        const Dtype dtype = plan_.buffers[static_cast<std::size_t>(c.to.buffer)].dtype;
        x.push_back(spread(e_.constant(scalar_kind(dtype), 0)));
      } else if (c.op && c.op->primitive->generate) {
        x.push_back(read(operands[i][j], zero_));
      } else {
        x.push_back(load(operands[i][j]));
      }
    }
    made.push_back(c.op && c.op->primitive->generate
                       ? c.op->primitive->generate(e_, *c.op, x, index)
                       : apply(c.op, x));
  }
  for (std::size_t i = 0; i < k.computes.size(); ++i) {
    if (!to[i].in_memory) continue;
    if (masked) {
      e_.store_masked(to[i].pointer, at, to[i].dtype, spread(made[i]), count);
    } else {
      e_.store(to[i].pointer, at, to[i].dtype, spread(made[i]));
    }
  }
}

void Walker::kernel(const DenseFold& k) {
  const Operand x = ready(k.x), out = ready(k.out);
  const Fold& fold = k.op->primitive->fold;
  std::vector<Code> outer, inner;
  for (const Dim& d : k.outer) outer.push_back(evaluate(d));
  for (const Dim& d : k.inner) inner.push_back(evaluate(d));
  Indices at;
  each_dense(outer, 0, at, [&](const Indices& here) {
    const std::function<Emitter::Values(std::size_t, Indices, Emitter::Values)> go =
        [&](std::size_t axis, Indices index, Emitter::Values s) {
          if (axis == inner.size()) {
            return fold.step(e_, *k.op, std::move(s), read_at(x, index), index.back());
          }
          return e_.loop(zero_, inner[axis], 1, std::move(s),
                         [&, index](Code i, Emitter::Values turn) {
                           Indices deeper = index;
                           deeper.push_back(i);
                           return go(axis + 1, deeper, std::move(turn));
                         });
        };
    write_at(out, here, go(0, here, fold.start(e_, *k.op)).back());
  });
}

// A row's number, moved to the nearest end of the table when it is outside.
Code Walker::clamped(Code row, Code last) {
  row = minimum(e_.convert(row, Scalar::I64), last);
  return e_.select(e_.compare(Compare::Lt, row, zero_), zero_, row);
}

// Every index below the extents, by whoever comes here.
void Walker::each_of(const std::vector<Code>& extents,
                     const std::function<void(const Indices&)>& body) {
  Indices at;
  const std::function<void(std::size_t)> axis = [&](std::size_t i) {
    if (i == extents.size()) return body(at);
    e_.loop(zero_, extents[i], 1, {}, [&](Code index, Emitter::Values) {
      at.push_back(index);
      axis(i + 1);
      at.pop_back();
      return Emitter::Values{};
    });
  };
  axis(0);
}

void Walker::kernel(const DenseGather& k) {
  const Operand table = ready(k.table), index = ready(k.index), out = ready(k.out);
  const Code last = e_.sub(evaluate(k.limit), one_);
  const std::vector<Code> picks = evaluate(k.picks), row = evaluate(k.row);
  const auto row_of = [&](const Indices& pick) {
    return table.in_memory ? at(table, {clamped(read_at(index, pick), last)}) : table;
  };
  Indices pick;
  if (picks.empty()) {
    const Operand from = row_of({});
    return each_dense(row, 0, pick, [&](const Indices& j) { write_at(out, j, read_at(from, j)); });
  }
  each_dense(picks, 0, pick, [&](const Indices& here) {
    const Operand from = row_of(here), to = at(out, here);
    each_of(row, [&](const Indices& j) { write_at(to, j, read_at(from, j)); });
  });
}

// Threads take rows of the result, so that every cell is added up in the order of the updates.
void Walker::kernel(const DenseScatter& k) {
  const Operand out = ready(k.out);
  const std::pair<Code, Code> mine = my_share(evaluate(k.limit));
  if (!k.accumulate) {
    const Code none = e_.constant(scalar_kind(out.dtype), 0);
    e_.loop(mine.first, mine.second, 1, {}, [&](Code row, Emitter::Values) {
      const Operand to = at(out, {row});
      each_of(evaluate(k.row), [&](const Indices& j) { write_at(to, j, none); });
      return Emitter::Values{};
    });
  }
  for (const ScatterTerm& term : k.terms) scatter(k, term, out, mine);
}

void Walker::scatter(const DenseScatter& k, const ScatterTerm& term, const Operand& out,
                     const std::pair<Code, Code>& mine) {
  tile_.block = zero_;
  tile_.lane = zero_;
  const Operand index = ready(term.index), update = ready(term.update);
  const std::vector<Code> picks = evaluate(term.picks), row = evaluate(k.row);
  const Code last = e_.sub(evaluate(k.limit), one_);
  // Adds the updates of one sample, whose index and updates these are.
  const auto add_sample = [&](const Operand& i, const Operand& x) {
    each_of(picks, [&](const Indices& pick) {
      const Code to = clamped(one_lane(i, pick), last);
      const Code is_mine = e_.bit_and(e_.compare(Compare::Ge, to, mine.first),
                                      e_.compare(Compare::Lt, to, mine.second));
      e_.branch(
          is_mine,
          [&] {
            const Operand cell = at(out, {to}), from = at(x, pick);
            each_of(row, [&](const Indices& j) {
              const Code u = one_lane(from, j), sum = read_at(cell, j);
              write_at(cell, j,
                       term.scale < 0
                           ? e_.add(sum, u)
                           : e_.fma(scalars_[static_cast<std::size_t>(term.scale)], u, sum));
            });
            return Emitter::Values{};
          },
          [] { return Emitter::Values{}; });
    });
  };
  if (!term.samples) return add_sample(index, update);
  each_sample([&](Code block, Code lane) {
    add_sample(of_sample(index, term.index, block, lane),
               of_sample(update, term.update, block, lane));
  });
}

void Walker::each_sample(const std::function<void(Code block, Code lane)>& body) {
  const Code batch = symbol(plan_.signature.batch);
  e_.loop(zero_, symbol(kBlocksSymbol), 1, {}, [&](Code block, Emitter::Values) {
    const Code left = minimum(e_.sub(batch, times(block, kBlock)), i64(kBlock));
    e_.loop(zero_, left, 1, {}, [&](Code lane, Emitter::Values) {
      body(block, lane);
      return Emitter::Values{};
    });
    return Emitter::Values{};
  });
}

// What x, made ready for the first sample, is of another one.
Walker::Operand Walker::of_sample(const Operand& x, const Ref& ref, Code block, Code lane) {
  Operand moved = x;
  if (!x.varying) return moved;
  const auto size = static_cast<std::int64_t>(bytes(x.dtype));
  moved.pointer =
      e_.pointer_add(x.pointer, e_.add(times(block, block_bytes(ref.buffer)), times(lane, size)));
  return moved;
}

// One number, of the sample that x was made ready for when it varies.
Code Walker::one_lane(const Operand& x, const Indices& at) {
  if (!x.in_memory) return x.value;
  return in_register(e_.load(x.pointer, offset(x, at), x.dtype), x.dtype);
}

}  // namespace nodec
