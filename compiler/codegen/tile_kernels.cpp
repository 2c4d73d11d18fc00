// Maps, products, folds and calls on the tile at hand.
#include "compiler/codegen/tile_kernels.h"

#include "ir/primitive.h"

namespace nodec::codegen {

using namespace plan;

// One kernel, or several that share the loop of the first.
void TileKernels::write(std::span<const Kernel* const> run) {
  std::vector<TurnOf> maps;
  const Map* first = std::get_if<Map>(run[0]);
  const MatVec* product = std::get_if<MatVec>(run[0]);
  const auto ready = [&] {
    for (const Kernel* k : run) {
      if (const Map* map = std::get_if<Map>(k)) {
        maps.push_back({map, elements_.ready_map(map->computes)});
      }
    }
  };
  if (first) {
    ready();
    w_.elements(first->extents, [&](const Indices& at) {
      elements_.next_turn();
      for (const TurnOf& map : maps) turn(map, at, maps.size() > 1);
    });
  } else if (product) {
    const std::vector<Operand> x{elements_.ready(product->weight), elements_.ready(product->x),
                                 elements_.ready_if(product->start), elements_.ready(product->out)};
    ready();
    w_.team.rows(product->rows, w_.axis(0).tile,
                 [&](Code first, std::int64_t count, std::int64_t apart) {
                   matvec_rows(*product, x, {first, count, apart}, maps);
                 });
  } else if (const FoldElements* fold = std::get_if<FoldElements>(run[0])) {
    write(*fold);
  } else {
    write(std::get<Invoke>(*run[0]));
  }
  elements_.next_turn();
}

void TileKernels::turn(const TurnOf& map, const Indices& at, bool others) {
  const std::vector<Compute>& computes = map.map->computes;
  const std::vector<Code> made = made_at(computes, map.ready, at);
  for (std::size_t i = 0; i < computes.size(); ++i) {
    if (!computes[i].to) continue;
    if (map.ready.to[i].in_memory) elements_.write_at(map.ready.to[i], at, made[i]);
    if (others) elements_.keep(*computes[i].to, w_.spread(made[i]));
  }
}

std::vector<Code> TileKernels::made_at(const std::vector<Compute>& computes, const ReadyMap& ready,
                                       const Indices& at) {
  std::vector<Code> made;
  for (std::size_t i = 0; i < computes.size(); ++i) {
    made.push_back(elements_.compute(computes[i], ready.operands[i], made, at));
  }
  return made;
}

void TileKernels::matvec_rows(const MatVec& k, const std::vector<Operand>& x, const Rows& rows,
                              const std::vector<TurnOf>& maps) {
  const auto& [weight, in, start, out] = std::tie(x[0], x[1], x[2], x[3]);
  Code row_pointer;
  if (weight.in_memory) {
    const Code bytes = w_.times(rows.first, weight.strides[0] * size_of(weight.dtype));
    row_pointer = w_.e.pointer_add(weight.pointer, bytes);
  }
  Emitter::Values sums;
  const auto row = [&](std::int64_t r) { return w_.e.add(rows.first, w_.index(r * rows.apart)); };
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const Code from = k.start ? elements_.read_at(start, {row(r)}) : w_.nothing(out.dtype);
    sums.push_back(w_.spread(from));
  }
  const auto turn_of_inner = [&](Code i, Emitter::Values s) {
    const Code v = w_.spread(elements_.read_at(in, {i}));
    const Code column = w_.times(i, weight.strides[1]);
    for (std::int64_t r = 0; r < rows.count; ++r) {
      const Code at = w_.e.add(column, w_.index(r * rows.apart * weight.strides[0]));
      const Code factor =
          weight.in_memory ? w_.e.load(row_pointer, at, weight.dtype) : weight.value;
      Code& sum = s[std::size_t(r)];
      sum = w_.e.fma(factor, v, sum);
    }
    return s;
  };
  // Several of a row's weights at once.
  const auto turns_at_once = [&](Code i, Emitter::Values s) {
    const auto n = int(w_.axis(1).tile);
    std::vector<std::vector<Code>> factors;
    for (std::int64_t r = 0; r < rows.count; ++r) {
      const Code at = w_.e.add(i, w_.index(r * rows.apart * weight.strides[0]));
      factors.push_back(w_.e.load_run(row_pointer, at, n, weight.dtype));
    }
    for (int u = 0; u < n; ++u) {
      const Code v = w_.spread(elements_.read_at(in, {w_.e.add(i, w_.index(u))}));
      for (std::size_t r = 0; r < s.size(); ++r) {
        s[r] = w_.e.fma(factors[r][std::size_t(u)], v, s[r]);
      }
    }
    return s;
  };
  const Axis& inner = w_.axis(1);
  sums = inner.run ? w_.e.loop(w_.zero, w_.index(k.inner), w_.index(inner.tile), std::move(sums),
                               turns_at_once, inner.unroll)
                   : w_.turns(1, k.inner, std::move(sums), turn_of_inner);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const Code& sum = sums[std::size_t(r)];
    if (out.in_memory) elements_.write_at(out, {row(r)}, sum);
    if (maps.empty()) continue;
    elements_.next_turn();
    elements_.keep(k.out, sum);
    for (const TurnOf& map : maps) turn(map, {row(r)}, true);
  }
}

void TileKernels::write(const FoldElements& k) {
  const ReadyMap ready = elements_.ready_map(k.computes);
  const Operand out = elements_.ready(k.out);
  w_.elements(k.outer, [&](const Indices& outer) {
    Emitter::Values state;
    for (const Code& c : k.op->primitive->fold.start(w_.e, *k.op)) state.push_back(w_.spread(c));
    elements_.write_at(out, outer, fold(k, ready, 0, outer, std::move(state)).back());
  });
}

// The state, gone on over the inner axes from `axis` on.
Emitter::Values TileKernels::fold(const FoldElements& k, const ReadyMap& ready, std::size_t axis,
                                  Indices at, Emitter::Values state) {
  if (axis < k.inner.size()) {
    return w_.turns(at.size(), k.inner[axis], std::move(state), [&](Code i, Emitter::Values turn) {
      Indices deeper = at;
      deeper.push_back(i);
      return fold(k, ready, axis + 1, std::move(deeper), std::move(turn));
    });
  }
  const Code element = w_.spread(made_at(k.computes, ready, at).back());
  const Code index = w_.e.convert(at.back(), Scalar::I64);
  w_.e.at(k.op);  // what made the element may stand for another op
  Emitter::Values next = k.op->primitive->fold.step(w_.e, *k.op, std::move(state), element, index);
  for (Code& c : next) c = w_.spread(c);
  return next;
}

void TileKernels::write(const Invoke& k) {
  std::vector<Code> arguments;
  for (const Ref& r : k.scalars) arguments.push_back(elements_.read_at(elements_.ready(r), {}));
  const Function& f = w_.plan.functions[std::size_t(k.function)];
  const std::vector<int>& own = f.pointers;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (w_.schedule.given.contains(own[i])) continue;
    arguments.push_back(elements_.ready(k.pointers[i]).pointer);
  }
  for (const int frame : f.frames) arguments.push_back(places_.tape_frame(frame));
  if (f.placed) {
    for (const Code& each : places_.told()) arguments.push_back(each);
  }
  w_.e.call(functions_[std::size_t(k.function)], arguments);
}

}  // namespace nodec::codegen
