// Tiles of running sums.
//
// A product keeps a tile of its sums in registers, one fma chain each, and streams its operands
// past: every element loaded is used once for each sum in its row or column of the tile. So a tile
// is as large as the registers allow next to what is multiplied, and no smaller than hides the
// latency of an fma. (Goto and van de Geijn 2008, for the matrices that no cache holds.)
#include "compiler/schedule/schedule.h"

#include <algorithm>

#include "compiler/schedule/meetings.h"
#include "compiler/schedule/places.h"
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

// The largest divisor of n that is at most `most`, or `most` when all divisors are small.
std::int64_t tile_size(std::int64_t n, std::int64_t most) {
  if (n <= most) return n;
  for (std::int64_t d = most; 2 * d > most; --d) {
    if (n % d == 0) return d;
  }
  return most;
}

class Scheduler {
 public:
  Scheduler(const Plan& plan, const Machine& machine) : plan_(plan) { made_.machine = machine; }

  Schedule run() {
    Places where = places(plan_, made_.machine);
    made_.places = std::move(where.places);
    made_.scratch = std::move(where.scratch);
    made_.meetings = meetings(plan_, made_.places);
    for (const Function& f : plan_.functions) walk(f.body);
    walk(plan_.body);
    return std::move(made_);
  }

 private:
  void walk(const Nodes& nodes) {
    for (const Node& node : nodes) {
      if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) {
        int number = node.kernel;
        for (const Kernel& k : tiles->kernels) {
          set(number++, std::visit([&](const auto& one) { return loops(one); }, k));
        }
      } else if (const DenseKernel* dense = std::get_if<DenseKernel>(&node.what)) {
        set(node.kernel, std::visit([&](const auto& one) { return loops(one); }, *dense));
      }
      for (const Nodes* list : inside(node)) walk(*list);
    }
  }

  void set(int number, Loops loops) {
    const auto at = static_cast<std::size_t>(number);
    if (made_.loops.size() <= at) made_.loops.resize(at + 1);
    made_.loops[at] = std::move(loops);
  }

  bool many_registers() const { return made_.machine.vector_registers >= 32; }
  // Sums of samples: a vector of the other operand and a broadcast beside them.
  std::int64_t most_sums() const { return many_registers() ? 20 : 10; }

  template <class K>
  Loops loops(const K&) const {
    return {};
  }

  Loops loops(const MatVec& k) const { return {{{tile_size(k.rows, most_sums())}, {}}, false}; }

  Loops loops(const SlotContract& k) const {
    return {{{k.rows % 2 == 0 ? 2 : 1}, {tile_size(k.columns, most_sums() / 2)}}, false};
  }

  // Two vectors of columns share each sample's broadcast rows.
  Loops loops(const LargeContract& k) const {
    return {{{tile_size(k.rows, many_registers() ? 12 : 6)}, {2, true, true}, {}}, false};
  }

  const Buffer* buffer(const Ref& r) const {
    return r.buffer < 0 ? nullptr : &plan_.buffers[static_cast<std::size_t>(r.buffer)];
  }

  static std::int64_t size_or(const Dim& d, std::int64_t otherwise) {
    return d.is_constant() ? d.constant() : otherwise;
  }

  // Vectors of columns, as many as leave at most an eighth of the last tile empty; rows by what
  // registers that leaves, three quarters of all being sums. Long sums stop at memory after as many
  // turns as a panel of the right operand has room for.
  Loops loops(const DenseMatmul& k) const {
    constexpr std::int64_t kMany = std::int64_t{1} << 20;
    const Machine& m = made_.machine;
    const std::int64_t lanes = m.lanes, size = std::int64_t(bytes(buffer(k.out)->dtype));
    const std::int64_t columns = size_or(k.columns, kMany), rows = size_or(k.rows, kMany);
    if (buffer(k.b) == nullptr || columns < 2) return {{{1, false, true}, {}, {}}, false};
    const std::int64_t registers = std::max<std::int64_t>(1, lanes * size / m.vector_bytes);
    const std::int64_t most = m.vector_registers * 3 / 4 / registers;
    std::int64_t vectors = std::max<std::int64_t>(1, most / 6);
    const auto empty = [&] {
      const std::int64_t width = vectors * lanes;
      return (columns + width - 1) / width * width - columns;
    };
    while (vectors > 1 && 8 * empty() > columns) --vectors;
    const std::int64_t tile = std::min(rows, std::min<std::int64_t>(12, most / vectors));
    const std::int64_t turns = std::max<std::int64_t>(1, m.panel / (vectors * lanes * size));
    const bool packed = rows > 2 * tile;
    return {{{tile, false, true}, {vectors, true}, {1, false, false, packed ? turns : 0}}, packed};
  }

  const Plan& plan_;
  Schedule made_;
};

}  // namespace

Schedule schedule(const Plan& plan, const Machine& machine) {
  return Scheduler(plan, machine).run();
}

}  // namespace nodec::plan
