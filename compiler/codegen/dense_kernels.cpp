// Maps, gathers and folds, and products of a matrix and a vector, which are folds whose step is an
// fma.
#include "compiler/codegen/dense_kernels.h"

#include <algorithm>

#include "compiler/codegen/dense_product.h"
#include "ir/primitive.h"

namespace nodec::codegen {

using namespace plan;

void DenseKernels::write(const DenseMap& k) {
  const auto [operands, to] = elements_.ready_map(k.computes);
  DenseNest loops = nest(k.extents);
  loops.each([&](const Spots& spots) {
    std::vector<std::vector<Code>> made;
    for (const Spot& spot : spots) made.push_back(made_at(k.computes, operands, loops, spot));
    const auto write = [&](bool own) {
      for (std::size_t p = 0; p < spots.size(); ++p) {
        for (std::size_t i = 0; i < to.size(); ++i) {
          if (to[i].in_memory && places_.is_own(*k.computes[i].to) == own) {
            loops.store(to[i], spots[p], made[p][i]);
          }
        }
      }
    };
    write(true);
    if (w_.how->who != Who::Each) return write(false);
    const bool shared = std::any_of(k.computes.begin(), k.computes.end(), [&](const Compute& c) {
      return c.to && !places_.is_own(*c.to);
    });
    if (shared) w_.e.once([&] { write(false); });
  });
}

std::vector<Code> DenseKernels::made_at(const std::vector<Compute>& computes,
                                        const std::vector<std::vector<Operand>>& operands,
                                        DenseNest& nest, const Spot& spot, const Indices& inner) {
  std::vector<Code> made;
  for (std::size_t i = 0; i < computes.size(); ++i) {
    const Compute& c = computes[i];
    std::vector<Code> x;
    Code index = w_.zero;
    for (std::size_t j = 0; j < c.operands.size(); ++j) {
      const Source& s = c.operands[j];
      if (const Register* r = std::get_if<Register>(&s)) {
        x.push_back(made[r->compute]);
      } else if (const AxisIndex* along = std::get_if<AxisIndex>(&s)) {
        std::vector<std::int64_t> strides(spot.at.size() + inner.size(), 0);
        strides[along->axis] = 1;
        index = nest.index(strides, spot, inner);
      } else if (const ElementIndex* among = std::get_if<ElementIndex>(&s)) {
        index = nest.index(among->strides, spot, inner);
      } else if (const Zero* zero = std::get_if<Zero>(&s)) {
        x.push_back(w_.nothing(zero->dtype));
      } else {
        x.push_back(nest.load(operands[i][j], spot, inner));
      }
    }
    made.push_back(c.op && c.op->primitive->generate ? elements_.generate(*c.op, x, index)
                                                     : elements_.apply(c.op, x));
  }
  return made;
}

// Lanes along a row read neighbours; lanes along the index have a row each.
void DenseKernels::write(const DenseGather& k) {
  const Operand table = elements_.ready(k.table), index = elements_.ready(k.index);
  const Operand out = elements_.ready(k.out);
  const Code last = w_.e.sub(places_.evaluate(k.limit), w_.one);
  std::vector<Dim> extents = k.picks;
  extents.insert(extents.end(), k.row.begin(), k.row.end());
  Operand pick = index, row = table;  // over all axes
  pick.strides.resize(extents.size(), 0);
  if (table.in_memory) {
    row.strides.assign(k.picks.size(), 0);
    row.strides.insert(row.strides.end(), table.strides.begin() + 1, table.strides.end());
  }
  DenseNest loops = nest(extents);
  loops.each([&](const Spots& spots) {
    for (const Spot& spot : spots) {
      Code value = row.value;
      if (table.in_memory) {
        value =
            loops.load(row, spot, {}, row_start(loops.load(pick, spot), last, table.strides[0]));
      }
      loops.store(out, spot, value);
    }
  });
}

// Where a row begins, in elements: an Index, or a varying I64.
Code DenseKernels::row_start(Code row, Code last, std::int64_t stride) {
  const Code within = elements_.clamped(row, last);
  if (!within.varying) return w_.times(within, stride);
  const Code factor = w_.e.constant(Scalar::I64, double(stride));
  return w_.e.mul(w_.e.convert(within, Scalar::I64), w_.spread(factor));
}

void DenseKernels::fold(DenseNest& nest, const std::vector<Dim>& inner, const Operand& out,
                        const Start& start, const Step& step) {
  const std::vector<Code> sizes = places_.evaluate(inner);
  nest.each([&](const Spots& spots) {
    std::size_t width = 0;
    const auto each_spot = [&](const auto& next) {
      Emitter::Values all;
      for (std::size_t p = 0; p < spots.size(); ++p) {
        for (const Code& c : next(p)) all.push_back(nest.has_lanes() ? w_.spread(c) : c);
      }
      width = all.size() / spots.size();
      return all;
    };
    const auto of = [&](const Emitter::Values& all, std::size_t p) {
      const auto from = all.begin() + std::ptrdiff_t(p * width);
      return Emitter::Values(from, from + std::ptrdiff_t(width));
    };
    const std::function<Emitter::Values(Indices, Emitter::Values)> turn = [&](Indices at,
                                                                              Emitter::Values s) {
      if (at.size() == inner.size()) {
        return each_spot([&](std::size_t p) { return step(of(s, p), spots[p], at); });
      }
      return w_.e.loop(w_.zero, sizes[at.size()], w_.one, std::move(s),
                       [&](Code i, Emitter::Values next) {
                         Indices deeper = at;
                         deeper.push_back(i);
                         return turn(std::move(deeper), std::move(next));
                       });
    };
    const Emitter::Values end = turn({}, each_spot([&](std::size_t p) { return start(spots[p]); }));
    for (std::size_t p = 0; p < spots.size(); ++p) nest.store(out, spots[p], of(end, p).back());
  });
}

void DenseKernels::write(const DenseFold& k) {
  const auto operands = elements_.ready_map(k.computes).operands;
  const Operand out = elements_.ready(k.out);
  const Fold& rule = k.op->primitive->fold;
  DenseNest loops = nest(k.outer);
  fold(
      loops, k.inner, out, [&](const Spot&) { return rule.start(w_.e, *k.op); },
      [&](Emitter::Values s, const Spot& spot, const Indices& at) {
        const Code element = made_at(k.computes, operands, loops, spot, at).back();
        const Code index = w_.e.convert(at.empty() ? w_.zero : at.back(), Scalar::I64);
        return rule.step(w_.e, *k.op, std::move(s), element, index);
      });
}

// Of a matrix and a vector, whichever stands first.
void DenseKernels::vector_product(const DenseMatmul& k, const std::vector<Operand>& x) {
  const auto& [a, b, start, out] = std::tie(x[0], x[1], x[2], x[3]);
  // Over {row, column}, then the turn.
  Operand left = a, right = b;
  if (a.in_memory) left.strides = {a.strides[0], 0, a.strides[1]};
  if (b.in_memory) right.strides = {0, b.strides[1], b.strides[0]};
  DenseNest loops = nest({k.rows, k.columns});
  fold(
      loops, {k.inner}, out,
      [&](const Spot& spot) {
        return Emitter::Values{k.start ? loops.load(start, spot) : w_.nothing(out.dtype)};
      },
      [&](const Emitter::Values& s, const Spot& spot, const Indices& at) {
        const Code factor = loops.load(left, spot, at);
        return Emitter::Values{w_.e.fma(factor, loops.load(right, spot, at), s[0])};
      });
}

void DenseKernels::write(const DenseMatmul& k) {
  std::vector<Operand> x{elements_.ready(k.a), elements_.ready(k.b), elements_.ready_if(k.start),
                         elements_.ready(k.out)};
  constexpr Scalar kPointers[] = {Scalar::Pointer, Scalar::Pointer, Scalar::Pointer,
                                  Scalar::Pointer};
  const Code start = x[2].in_memory ? x[2].pointer : x[3].pointer;
  functions_.call(0, kPointers, std::vector<Code>{x[0].pointer, x[1].pointer, start, x[3].pointer},
                  [&](std::span<const Code> pointers) {
                    for (std::size_t i = 0; i < x.size(); ++i) {
                      if (x[i].in_memory) x[i].pointer = pointers[i];
                    }
                    // By tiles of rows and of columns in lanes, or else output by output.
                    if (w_.axis(1).lanes && !w_.axis(1).team) {
                      return DenseProduct(w_, places_, elements_, k, x).write();
                    }
                    vector_product(k, x);
                  });
}

}  // namespace nodec::codegen
