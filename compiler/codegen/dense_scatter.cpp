// Rows added to a table without a batch, and the samples that they come from.
#include "compiler/codegen/dense_kernels.h"
#include "ir/abi.h"

namespace nodec::codegen {

using namespace plan;

// Every index below the extents, by whoever comes here.
void DenseKernels::each_of(const std::vector<Code>& extents,
                           const std::function<void(const Indices&)>& body) {
  Indices at;
  const std::function<void(std::size_t)> axis = [&](std::size_t i) {
    if (i == extents.size()) return body(at);
    w_.each(extents[i], 1, [&](Code index) {
      at.push_back(index);
      axis(i + 1);
      at.pop_back();
    });
  };
  axis(0);
}

void DenseKernels::each_sample(const std::function<void(Code block, Code lane)>& body) {
  const Code batch = places_.batch();
  w_.each(places_.symbol(kBlocksSymbol), 1, [&](Code block) {
    const Code left = w_.minimum(w_.e.sub(batch, w_.times(block, kBlock)), w_.index(kBlock));
    w_.each(left, 1, [&](Code lane) { body(block, lane); });
  });
}

// Members take rows of the result, so that every cell is added up in the order of the updates.
void DenseKernels::write(const DenseScatter& k) {
  const Operand out = elements_.ready(k.out);
  const Code last = w_.e.sub(places_.evaluate(k.limit), w_.one);
  const Share mine = w_.share(places_.evaluate(k.limit));
  if (!k.accumulate) {
    const Code none = w_.nothing(out.dtype);
    w_.each(mine.first, mine.last, mine.step, [&](Code row) {
      const Operand to = elements_.at(out, {row});
      each_of(places_.evaluate(k.row), [&](const Indices& j) { elements_.write_at(to, j, none); });
    });
  }
  Added added{out, {}, places_.evaluate(k.row), last, mine};
  for (const ScatterTerm& term : k.terms) {
    added.picks = places_.evaluate(term.picks);
    places_.go_to_start();
    const Operand index = elements_.ready(term.index), update = elements_.ready(term.update);
    if (!term.samples) {
      add_rows(added, term, {index, update});
      continue;
    }
    each_sample([&](Code block, Code lane) {
      const Operand where = elements_.of_sample(index, term.index, block, lane);
      add_rows(added, term, {where, elements_.of_sample(update, term.update, block, lane)});
    });
  }
}

void DenseKernels::add_rows(const Added& to, const ScatterTerm& term,
                            const std::pair<Operand, Operand>& sample) {
  Emitter& e = w_.e;
  const auto& [index, update] = sample;
  each_of(to.picks, [&](const Indices& pick) {
    const Code row = elements_.clamped(elements_.read_one(index, pick), to.last);
    w_.when(w_.team.has(to.mine, row), [&] {
      const Operand cell = elements_.at(to.out, {row}), from = elements_.at(update, pick);
      each_of(to.row, [&](const Indices& j) {
        const Code u = elements_.read_one(from, j), sum = elements_.read_at(cell, j);
        elements_.write_at(cell, j,
                           term.scale ? e.fma(w_.scalar(*term.scale), u, sum) : e.add(sum, u));
      });
    });
  });
}

}  // namespace nodec::codegen
