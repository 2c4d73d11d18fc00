// Rows added to a table without a batch, and the samples that they come from.
#include "compiler/codegen/walk.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

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
                       term.scale ? e_.fma(scalars_[static_cast<std::size_t>(*term.scale)], u, sum)
                                  : e_.add(sum, u));
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
