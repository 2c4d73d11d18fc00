// Kernels on one tile: every value is a vector of samples, elements are walked by rolled loops.
//
// Products keep a tile of running sums in registers (one fma chain each, in order) and stream the
// rest: each weight is loaded once per tile and broadcast by the fma that uses it.
#include <algorithm>
#include <array>

#include "compiler/codegen/walk.h"
#include "ir/abi.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

namespace {

// Running sums held at once. Enough to hide the latency of fma, few enough to stay in registers
// next to what they are multiplied with (32 vector registers with 16 lanes, else 16).
std::int64_t most_sums(const Emitter& e) { return e.lanes() == 16 ? 20 : 10; }

// The largest divisor of n that is at most `most`, or `most` when all divisors are small.
std::int64_t tile_size(std::int64_t n, std::int64_t most) {
  if (n <= most) return n;
  for (std::int64_t d = most; 2 * d > most; --d) {
    if (n % d == 0) return d;
  }
  return most;
}

}  // namespace

Walker::Operand Walker::ready(const Ref& ref) {
  Operand x;
  x.strides = ref.strides;
  if (ref.scalar >= 0) {
    x.value = scalars_[static_cast<std::size_t>(ref.scalar)];
    x.dtype = plan_.scalars[static_cast<std::size_t>(ref.scalar)];
    return x;
  }
  if (ref.buffer < 0) {
    x.dtype = Dtype::Bool;  // the zero of whatever it meets
    return x;
  }
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(ref.buffer)];
  x.dtype = b.dtype;
  x.in_memory = true;
  x.varying = b.varying();
  x.pointer = base(ref.buffer);
  if (ref.start != 0) {
    const auto size = static_cast<std::int64_t>(bytes(b.dtype));
    x.pointer = e_.pointer_add(x.pointer, i64(ref.start * unit(x) * size));
  }
  return x;
}

Code Walker::in_register(Code loaded, Dtype dtype) {
  if (dtype != Dtype::Bool || loaded.scalar == Scalar::Pred) return loaded;
  return e_.compare(Compare::Ne, loaded, e_.constant(loaded.scalar, 0));
}

Code Walker::offset(const Operand& x, const Indices& at) {
  Code sum = zero_;
  bool any = false;
  for (std::size_t i = 0; i < x.strides.size(); ++i) {
    if (x.strides[i] == 0) continue;
    const Code step = times(at[i], x.strides[i] * unit(x));
    sum = any ? e_.add(sum, step) : step;
    any = true;
  }
  return sum;
}

Code Walker::read(const Operand& x, Code offset) {
  if (!x.in_memory) return x.value;
  return in_register(
      x.varying ? e_.load_lanes(x.pointer, offset, x.dtype) : e_.load(x.pointer, offset, x.dtype),
      x.dtype);
}

void Walker::write_at(const Operand& to, const Indices& at, Code value) {
  e_.store(to.pointer, offset(to, at), to.dtype, to.varying ? spread(value) : value);
}

void Walker::each(const std::vector<std::int64_t>& extents,
                  const std::function<void(const Indices&)>& body) {
  Indices at;
  const std::function<void(std::size_t)> axis = [&](std::size_t i) {
    if (i == extents.size()) return body(at);
    if (extents[i] == 1) {
      at.push_back(zero_);
      axis(i + 1);
      at.pop_back();
      return;
    }
    e_.loop(zero_, i64(extents[i]), 1, {}, [&](Code index, Emitter::Values) {
      at.push_back(index);
      axis(i + 1);
      at.pop_back();
      return Emitter::Values{};
    });
  };
  axis(0);
}

Code Walker::apply(const Op* op, const std::vector<Code>& x) {
  return op ? op->primitive->lower(e_, *op, x) : x[0];
}

std::vector<Walker::Operand> Walker::ready_all(const Compute& c) {
  std::vector<Operand> found;
  for (const Source& s : c.operands) {
    found.push_back(s.kind == Source::Kind::Memory ? ready(s.ref) : Operand{});
  }
  return found;
}

Code Walker::compute(const Compute& c, const std::vector<Operand>& operands,
                     const std::vector<Code>& made, const Indices& at) {
  std::vector<Code> x;
  Code index = zero_;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Source& s = c.operands[i];
    if (s.kind == Source::Kind::Register) {
      x.push_back(made[static_cast<std::size_t>(s.id)]);
    } else if (s.kind == Source::Kind::Index) {
      if (s.id >= 0) {
        index = at[static_cast<std::size_t>(s.id)];
      } else {
        for (std::size_t a = 0; a < at.size(); ++a) {
          index = e_.add(index, times(at[a], s.ref.strides[a]));
        }
      }
    } else if (s.kind == Source::Kind::Sample) {
      index = sample_index(s, at);
    } else if (s.ref.buffer < 0 && s.ref.scalar < 0) {
      const Dtype to = plan_.buffers[static_cast<std::size_t>(c.to.buffer)].dtype;
      x.push_back(e_.constant(scalar_kind(to), 0));
    } else {
      x.push_back(read_at(operands[i], at));
    }
  }
  if (c.op && c.op->primitive->generate) return c.op->primitive->generate(e_, *c.op, x, index);
  return apply(c.op, x);
}

// The index of this lane's sample, among samples or among all elements of all samples.
Code Walker::sample_index(const Source& s, const Indices& at) {
  const Code sample = e_.add(spread(tile_.sample), e_.convert(e_.lane_index(), Scalar::I64));
  if (s.id == 0) return sample;
  Code element = zero_;
  for (std::size_t a = 0; a < at.size(); ++a) {
    element = e_.add(element, times(at[a], s.ref.strides[a]));
  }
  if (s.id == 2) return e_.add(e_.mul(sample, spread(i64(s.count))), spread(element));
  return e_.add(spread(e_.mul(element, symbol(plan_.signature.batch))), sample);
}

void Walker::kernel(const Map& k) {
  std::vector<std::vector<Operand>> operands;
  std::vector<Operand> to;
  for (const Compute& c : k.computes) {
    operands.push_back(ready_all(c));
    to.push_back(c.to.buffer >= 0 ? ready(c.to) : Operand{});
  }
  each(k.extents, [&](const Indices& at) {
    std::vector<Code> made;
    for (std::size_t i = 0; i < k.computes.size(); ++i) {
      made.push_back(compute(k.computes[i], operands[i], made, at));
    }
    for (std::size_t i = 0; i < k.computes.size(); ++i) {
      if (to[i].in_memory) write_at(to[i], at, made[i]);
    }
  });
}

void Walker::kernel(const MatVec& k) {
  const std::vector<Operand> x{ready(k.weight), ready(k.x), ready(k.start), ready(k.out)};
  const std::int64_t tile = tile_size(k.rows, most_sums(e_));
  const std::int64_t whole = k.rows / tile * tile;
  if (whole == tile) {
    matvec_rows(k, x, zero_, tile);
  } else {
    e_.loop(zero_, i64(whole), tile, {}, [&](Code first, Emitter::Values) {
      matvec_rows(k, x, first, tile);
      return Emitter::Values{};
    });
  }
  if (whole < k.rows) matvec_rows(k, x, i64(whole), k.rows - whole);
}

void Walker::matvec_rows(const MatVec& k, const std::vector<Operand>& x, Code first,
                         std::int64_t rows) {
  const auto& [weight, in, start, out] = std::tie(x[0], x[1], x[2], x[3]);
  const auto size = static_cast<std::int64_t>(bytes(weight.dtype));
  const Code row_pointer = e_.pointer_add(weight.pointer, times(first, weight.strides[0] * size));
  Emitter::Values sums;
  for (std::int64_t r = 0; r < rows; ++r) {
    const bool none = !start.in_memory && k.start.scalar < 0;
    const Code from =
        none ? e_.constant(scalar_kind(out.dtype), 0) : read_at(start, {e_.add(first, i64(r))});
    sums.push_back(spread(from));
  }
  sums = e_.loop(zero_, i64(k.inner), 1, std::move(sums), [&](Code i, Emitter::Values s) {
    const Code v = spread(read_at(in, {i}));
    const Code column = times(i, weight.strides[1]);
    for (std::int64_t r = 0; r < rows; ++r) {
      const Code w = e_.load(row_pointer, e_.add(column, i64(r * weight.strides[0])), weight.dtype);
      s[static_cast<std::size_t>(r)] = e_.fma(w, v, s[static_cast<std::size_t>(r)]);
    }
    return s;
  });
  for (std::int64_t r = 0; r < rows; ++r) {
    write_at(out, {e_.add(first, i64(r))}, sums[static_cast<std::size_t>(r)]);
  }
}

void Walker::kernel(const FoldElements& k) {
  const Operand x = ready(k.x), out = ready(k.out);
  const Fold& fold = k.op->primitive->fold;
  each(k.outer, [&](const Indices& outer) {
    Emitter::Values state;
    for (const Code& c : fold.start(e_, *k.op)) state.push_back(spread(c));
    const std::function<Emitter::Values(std::size_t, Indices, Emitter::Values)> inner =
        [&](std::size_t axis, Indices at, Emitter::Values s) {
          if (axis == k.inner.size()) {
            Emitter::Values next =
                fold.step(e_, *k.op, std::move(s), spread(read_at(x, at)), at.back());
            for (Code& c : next) c = spread(c);
            return next;
          }
          return e_.loop(zero_, i64(k.inner[axis]), 1, std::move(s),
                         [&, at](Code i, Emitter::Values turn) {
                           Indices deeper = at;
                           deeper.push_back(i);
                           return inner(axis + 1, deeper, std::move(turn));
                         });
        };
    write_at(out, outer, inner(0, outer, std::move(state)).back());
  });
}

// The first slot of this tile's lanes, of this chunk.
Code Walker::slot_pointer(int buffer) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  return e_.pointer_add(base(buffer), times(tile_.chunk, b.elements * kBlock * size));
}

void Walker::kernel(const SlotSum& k) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(k.slots)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  const Code slots = e_.pointer_add(slot_pointer(k.slots), times(tile_.lane, size));
  const Operand x = ready(k.x), y = ready(k.y);
  const bool product = k.y.buffer >= 0 || k.y.scalar >= 0;
  const bool plain = k.op->primitive->name == "sum";
  const auto add = [&](Code sum, const Indices& at) {
    Code v = read_at(x, at);
    if (k.scale >= 0) v = e_.mul(scalars_[static_cast<std::size_t>(k.scale)], v);
    if (product) return e_.fma(v, read_at(y, at), sum);
    if (plain) return e_.add(sum, v);
    return spread(k.op->primitive->fold.step(e_, *k.op, {sum}, spread(v), zero_).back());
  };
  Indices outer_at;
  std::int64_t outputs = 1;
  std::vector<std::int64_t> strides(k.outer.size());
  for (std::size_t i = k.outer.size(); i-- > 0;) {
    strides[i] = outputs * kBlock;
    outputs *= k.outer[i];
  }
  each(k.outer, [&](const Indices& outer) {
    Code at = zero_;
    for (std::size_t i = 0; i < outer.size(); ++i) at = e_.add(at, times(outer[i], strides[i]));
    const Code before = e_.load_lanes(slots, at, b.dtype);
    const std::function<Code(std::size_t, Indices, Code)> inner =
        [&](std::size_t axis, Indices index, Code sum) -> Code {
      if (axis == k.inner.size()) return add(sum, index);
      return e_.loop(zero_, i64(k.inner[axis]), 1, {sum}, [&, index](Code i, Emitter::Values turn) {
        Indices deeper = index;
        deeper.push_back(i);
        return Emitter::Values{inner(axis + 1, deeper, turn[0])};
      })[0];
    };
    const Code after = inner(0, outer, before);
    e_.store(slots, at, b.dtype, e_.select(tile_.valid, after, before));
  });
}

void Walker::kernel(const SlotContract& k) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(k.slots)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  const Code slots = e_.pointer_add(slot_pointer(k.slots), times(tile_.lane, size));
  std::vector<std::array<Operand, 2>> x;
  for (const ContractTerm& t : k.terms) x.push_back({ready(t.g), ready(t.h)});
  const std::int64_t columns = tile_size(k.columns, most_sums(e_) / 2);
  const std::int64_t rows = std::min<std::int64_t>(k.rows, k.rows % 2 == 0 ? 2 : 1);
  const auto strip = [&](Code row, std::int64_t row_count) {
    const std::int64_t whole = k.columns / columns * columns;
    e_.loop(zero_, i64(whole), columns, {}, [&](Code column, Emitter::Values) {
      contract_tile(k, x, slots, row, column, row_count, columns);
      return Emitter::Values{};
    });
    if (whole < k.columns) {
      contract_tile(k, x, slots, row, i64(whole), row_count, k.columns - whole);
    }
  };
  e_.loop(zero_, i64(k.rows), rows, {}, [&](Code row, Emitter::Values) {
    strip(row, rows);
    return Emitter::Values{};
  });
}

void Walker::contract_tile(const SlotContract& k, const std::vector<std::array<Operand, 2>>& x,
                           Code slots, Code row, Code column, std::int64_t rows,
                           std::int64_t columns) {
  const Dtype dtype = plan_.buffers[static_cast<std::size_t>(k.slots)].dtype;
  const Code first = times(e_.add(times(row, k.columns), column), kBlock);
  std::vector<Code> before, sums;
  const auto at = [&](std::int64_t r, std::int64_t c) {
    return e_.add(first, i64((r * k.columns + c) * kBlock));
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      before.push_back(e_.load_lanes(slots, at(r, c), dtype));
    }
  }
  sums = before;
  for (std::size_t t = 0; t < k.terms.size(); ++t) {
    std::vector<Code> g;
    for (std::int64_t r = 0; r < rows; ++r) {
      Code v = read_at(x[t][0], {e_.add(row, i64(r))});
      if (k.terms[t].scale >= 0) {
        v = e_.mul(scalars_[static_cast<std::size_t>(k.terms[t].scale)], v);
      }
      g.push_back(spread(v));
    }
    for (std::int64_t c = 0; c < columns; ++c) {
      const Code h = spread(read_at(x[t][1], {e_.add(column, i64(c))}));
      for (std::int64_t r = 0; r < rows; ++r) {
        Code& sum = sums[static_cast<std::size_t>(r * columns + c)];
        sum = e_.fma(g[static_cast<std::size_t>(r)], h, sum);
      }
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto i = static_cast<std::size_t>(r * columns + c);
      e_.store(slots, at(r, c), dtype, e_.select(tile_.valid, sums[i], before[i]));
    }
  }
}

// The element offset of each lane's row; an index outside the table is clamped to it.
std::vector<Code> Walker::row_offsets(const Ref& index, Code limit, std::int64_t width) {
  const Code lanes = read_at(ready(index), {});
  std::vector<Code> rows;
  for (int l = 0; l < e_.lanes(); ++l) {
    Code row = e_.convert(e_.extract(lanes, l), Scalar::I64);
    row = minimum(row, e_.sub(limit, one_));
    row = e_.select(e_.compare(Compare::Lt, row, zero_), zero_, row);
    rows.push_back(times(row, width));
  }
  return rows;
}

void Walker::kernel(const GatherRows& k) {
  const Operand table = ready(k.table), out = ready(k.out);
  const std::vector<Code> rows = row_offsets(k.index, evaluate(k.limit), k.width);
  const auto size = static_cast<std::int64_t>(bytes(table.dtype));
  const std::int64_t whole = k.width / e_.lanes() * e_.lanes();
  const auto put = [&](Code element, Code value) {
    e_.store(out.pointer, times(element, kBlock), out.dtype, value);
  };
  if (whole > 0) {
    e_.loop(zero_, i64(whole), e_.lanes(), {}, [&](Code first, Emitter::Values) {
      const Code start = e_.pointer_add(table.pointer, times(first, size));
      const std::vector<Code> columns = e_.load_transposed(start, rows, table.dtype);
      for (std::size_t c = 0; c < columns.size(); ++c) {
        put(e_.add(first, i64(static_cast<std::int64_t>(c))), columns[c]);
      }
      return Emitter::Values{};
    });
  }
  if (whole == k.width) return;
  const Code memory = e_.local(kBlock * size);
  e_.loop(i64(whole), i64(k.width), 1, {}, [&](Code element, Emitter::Values) {
    for (std::size_t l = 0; l < rows.size(); ++l) {
      e_.store(memory, i64(static_cast<std::int64_t>(l)), table.dtype,
               e_.load(table.pointer, e_.add(rows[l], element), table.dtype));
    }
    put(element, e_.load_lanes(memory, zero_, table.dtype));
    return Emitter::Values{};
  });
}

void Walker::kernel(const Transfer& k) {
  const Code batch = symbol(plan_.signature.batch);
  const Code end = e_.add(tile_.sample, i64(e_.lanes()));
  e_.branch(
      e_.compare(Compare::Le, end, batch),
      [&] {
        move(k, true);
        return Emitter::Values{};
      },
      [&] {
        move(k, false);
        return Emitter::Values{};
      });
}

// Lanes without a sample repeat the last one; nothing is written for them. Lanes are counted from
// the tile's first sample: then 32 bits hold their offsets, in vectors no wider than those of f32.
void Walker::move(const Transfer& k, bool full) {
  const Operand dense = ready(k.dense), lanes = ready(k.lanes);
  const auto size = static_cast<std::int64_t>(bytes(dense.dtype));
  const Code batch = symbol(plan_.signature.batch);
  const std::int64_t sample_stride = k.batch_last ? 1 : k.batch_stride;
  const Code element_stride = k.batch_last ? batch : one_;
  const Code left = e_.sub(batch, tile_.sample);  // negative in a tile of padding alone
  Code lane = e_.lane_index();
  if (!full) {
    const Code last = spread(e_.convert(e_.sub(left, one_), Scalar::I32));
    lane = e_.select(e_.compare(Compare::Lt, lane, last), lane, last);
  }
  const Code stride = e_.constant(Scalar::I32, static_cast<double>(sample_stride));
  const Code offsets = e_.mul(lane, spread(stride));
  const Code first = times(tile_.sample, sample_stride);
  each(k.extents, [&](const Indices& at) {
    const Code start = e_.add(e_.mul(offset(dense, at), element_stride), first);
    const Code pointer = e_.pointer_add(dense.pointer, times(start, size));
    if (!k.import) return put_samples(k, pointer, spread(read_at(lanes, at)), full, left);
    const Code value = full && k.batch_last ? e_.load_lanes(pointer, zero_, dense.dtype)
                                            : e_.gather(pointer, offsets, dense.dtype);
    write_at(lanes, at, in_register(value, dense.dtype));
  });
}

// One element of the tile's samples to where they stand in a port, the first of them at `pointer`.
void Walker::put_samples(const Transfer& k, Code pointer, Code value, bool full, Code left) {
  const Dtype dtype = plan_.buffers[static_cast<std::size_t>(k.dense.buffer)].dtype;
  if (k.batch_last) {
    const Code some = e_.select(e_.compare(Compare::Lt, left, zero_), zero_, left);
    if (full) return e_.store(pointer, zero_, dtype, value);
    return e_.store_masked(pointer, zero_, dtype, value, some);
  }
  if (full) {
    const Code stride = e_.constant(Scalar::I32, static_cast<double>(k.batch_stride));
    return e_.scatter(pointer, e_.mul(e_.lane_index(), spread(stride)), dtype, value);
  }
  const Code memory = e_.local(kBlock * static_cast<std::int64_t>(bytes(dtype)));
  e_.store(memory, zero_, dtype, value);
  e_.loop(zero_, minimum(left, i64(e_.lanes())), 1, {}, [&](Code lane, Emitter::Values) {
    e_.store(pointer, times(lane, k.batch_stride), dtype, e_.load(memory, lane, dtype));
    return Emitter::Values{};
  });
}

void Walker::kernel(const TransposeRows& k) {
  const Operand x = ready(k.x);
  constexpr Scalar kParameters[] = {Scalar::Pointer, Scalar::Pointer, Scalar::I64};
  call_shared(fmt::format("transpose_{}x{}_{}", k.width, k.x.strides[0], name(x.dtype)),
              kParameters, {x.pointer, base(k.rows), tile_.sample}, [&](std::span<const Code> p) {
                Operand tile = x;
                tile.pointer = p[0];
                transpose_tile(tile, p[1], times(p[2], k.width), k.width);
              });
}

// A tile's samples as rows from element `first` on: squares of lanes, then element by element.
void Walker::transpose_tile(const Operand& x, Code rows, Code first, std::int64_t width) {
  const Dtype dtype = x.dtype;
  const std::int64_t lanes = e_.lanes(), whole = width / lanes * lanes;
  if (whole > 0) {
    e_.loop(zero_, i64(whole), lanes, {}, [&](Code element, Emitter::Values) {
      std::vector<Code> columns;
      for (std::int64_t c = 0; c < lanes; ++c) {
        columns.push_back(read_at(x, {e_.add(element, i64(c))}));
      }
      const std::vector<Code> samples = e_.transpose(columns);
      for (std::int64_t s = 0; s < lanes; ++s) {
        const Code at = e_.add(e_.add(first, i64(s * width)), element);
        e_.store(rows, at, dtype, samples[static_cast<std::size_t>(s)]);
      }
      return Emitter::Values{};
    });
  }
  if (whole == width) return;
  const auto size = static_cast<std::int64_t>(bytes(dtype));
  const Code stride = e_.constant(Scalar::I32, static_cast<double>(width));
  const Code offsets = e_.mul(e_.lane_index(), spread(stride));
  e_.loop(i64(whole), i64(width), 1, {}, [&](Code element, Emitter::Values) {
    const Code start = e_.pointer_add(rows, times(e_.add(first, element), size));
    e_.scatter(start, offsets, dtype, spread(read_at(x, {element})));
    return Emitter::Values{};
  });
}

void Walker::kernel(const Invoke& k) {
  std::vector<Code> arguments{frame_};
  for (const Ref& r : k.scalars) arguments.push_back(read_at(ready(r), {}));
  for (const Ref& r : k.pointers) arguments.push_back(ready(r).pointer);
  e_.call(functions_[static_cast<std::size_t>(k.function)], arguments);
}

}  // namespace nodec
