// Folds of tensors without a batch, and products of a matrix and a vector, which are folds whose
// step is an fma. Each output is one chain in increasing index; several outputs are walked at
// once, in lanes and beside each other, so that one chain's latency hides behind the others.
#include "compiler/codegen/walk_dense_nest.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

// `start` and `step` are of one spot; a state holds all spots' one after another.
void Walker::fold(Nest& nest, const std::vector<Dim>& inner, const Operand& out,
                  const std::function<Emitter::Values(const Spot&)>& start, const FoldStep& step) {
  const std::vector<Code> sizes = evaluate(inner);
  nest.each([&](const Spots& spots) {
    std::size_t width = 0;
    const auto each_place = [&](const auto& next) {
      Emitter::Values all;
      for (std::size_t p = 0; p < spots.size(); ++p) {
        for (const Code& c : next(p)) all.push_back(nest.has_lanes() ? spread(c) : c);
      }
      width = all.size() / spots.size();
      return all;
    };
    const auto of = [&](const Emitter::Values& all, std::size_t p) {
      const auto from = all.begin() + static_cast<std::ptrdiff_t>(p * width);
      return Emitter::Values(from, from + static_cast<std::ptrdiff_t>(width));
    };
    const std::function<Emitter::Values(Indices, Emitter::Values)> turn = [&](Indices at,
                                                                              Emitter::Values s) {
      if (at.size() == inner.size()) {
        return each_place([&](std::size_t p) { return step(of(s, p), spots[p], at); });
      }
      return e_.loop(zero_, sizes[at.size()], 1, std::move(s), [&](Code i, Emitter::Values next) {
        Indices deeper = at;
        deeper.push_back(i);
        return turn(std::move(deeper), std::move(next));
      });
    };
    const Emitter::Values end =
        turn({}, each_place([&](std::size_t p) { return start(spots[p]); }));
    for (std::size_t p = 0; p < spots.size(); ++p) nest.store(out, spots[p], of(end, p).back());
  });
}

void Walker::kernel(const DenseFold& k) {
  const Operand x = ready(k.x), out = ready(k.out);
  const Fold& rule = k.op->primitive->fold;
  Nest nest(*this, k.outer);
  fold(
      nest, k.inner, out, [&](const Spot&) { return rule.start(e_, *k.op); },
      [&](Emitter::Values s, const Spot& spot, const Indices& at) {
        const Code index = at.empty() ? zero_ : at.back();
        return rule.step(e_, *k.op, std::move(s), nest.load(x, spot, at), index);
      });
}

// Of a matrix and a vector, whichever stands first.
void Walker::vector_product(const DenseMatmul& k, const std::vector<Operand>& x) {
  const auto& [a, b, start, out] = std::tie(x[0], x[1], x[2], x[3]);
  // Over {row, column}, then the turn.
  Operand left = a, right = b;
  if (a.in_memory) left.strides = {a.strides[0], 0, a.strides[1]};
  if (b.in_memory) right.strides = {0, b.strides[1], b.strides[0]};
  Nest nest(*this, {k.rows, k.columns});
  fold(
      nest, {k.inner}, out,
      [&](const Spot& spot) {
        return Emitter::Values{k.start ? nest.load(start, spot)
                                       : e_.constant(scalar_kind(out.dtype), 0)};
      },
      [&](const Emitter::Values& s, const Spot& spot, const Indices& at) {
        return Emitter::Values{e_.fma(nest.load(left, spot, at), nest.load(right, spot, at), s[0])};
      });
}

}  // namespace nodec
