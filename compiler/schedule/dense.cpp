// Which axis of a tensor without a batch is lanes, how many running sums there are, who does it.
//
// Lanes go where neighbours in the result are neighbours in the operands, or one element: the axis
// is chosen by counting what is issued, a gather as one load for each lane. Folds hold several
// outputs at once, in vectors and beside each other, until the latency of an addition is hidden.
// The team splits the outermost axis that has work for many threads.
//
// A product keeps a tile of its sums in registers, one fma chain each, and streams its operands
// past: every element loaded is used once for each sum in its row or column of the tile. So a tile
// is as large as the registers allow next to what is multiplied, and no smaller than hides the
// latency of an fma. (Goto and van de Geijn 2008, for the matrices that no cache holds.)
#include "compiler/schedule/dense.h"

#include <algorithm>

#include "compiler/schedule/own.h"
#include "ir/plan_work.h"

namespace nodec::plan {
namespace {

constexpr std::int64_t kMany = std::int64_t{1} << 20;  // what a symbol may be
constexpr std::int64_t kChains = 8;                    // additions that hide the latency of one
constexpr std::int64_t kExpansion = 16;                // operations of exp, sin, ...
constexpr std::int64_t kTeam = 16;                     // tiles that keep a team busy

std::int64_t size_of(const Dim& d) { return d.is_constant() ? d.constant() : kMany; }
std::int64_t up(std::int64_t n, std::int64_t d) { return (n + d - 1) / d; }

class Dense {
 public:
  Dense(const Plan& plan, const Machine& machine) : plan_(plan), m_(machine) {}

  Loops loops(const DenseMap& k) const {
    const auto [refs, operations] = element(k.computes);
    Loops made{std::vector<Axis>(k.extents.size())};
    const int lanes = best_lanes(k.extents, refs, operations);
    if (lanes >= 0) {
      made.axes[std::size_t(lanes)].lanes = true;
      use_lines(refs, std::size_t(lanes), operations, made.axes);
    }
    split(k.extents, made.axes);
    made.flat = m_.gpu && k.extents.size() > 1;
    return made;
  }

  Loops loops(const DenseFold& k) const {
    const auto [refs, operations] = element(k.computes);
    return chains(k.outer, k.inner.size(), refs, k.out, m_.gpu ? 1 : kChains, operations);
  }

  // Lanes along a row, where it is long enough for them, or along the index.
  Loops loops(const DenseGather& k) const {
    std::vector<Dim> extents = k.picks;
    extents.insert(extents.end(), k.row.begin(), k.row.end());
    Loops made{std::vector<Axis>(extents.size())};
    if (extents.empty()) return made;
    const std::size_t along =
        k.row.empty() || (size_of(k.row.back()) < m_.lanes / 2 && !k.picks.empty())
            ? k.picks.size() - 1
            : extents.size() - 1;
    made.axes[along].lanes = !m_.gpu && size_of(extents[along]) > 1;
    split(extents, made.axes);
    made.flat = m_.gpu && extents.size() > 1;
    return made;
  }

  // Vectors of columns, as many as leave at most an eighth of the last tile empty; rows by what
  // registers that leaves, three quarters of all being sums. Long sums stop at memory after as many
  // turns as a panel of the right operand has room for.
  Loops loops(const DenseMatmul& k) const {
    const std::int64_t lanes = m_.lanes, size = element_bytes(k.out);
    const std::int64_t columns = size_of(k.columns), rows = size_of(k.rows);
    if (m_.gpu) return chains({k.rows, k.columns}, 1, {}, k.out, 1);
    if (rows < 2 || columns < 2) {
      const Ref* matrix = columns < 2 ? &k.a : &k.b;  // the vector serves all chains at once
      return chains({k.rows, k.columns}, 1, {matrix}, k.out, kChains, 1, &k);
    }
    const std::int64_t most = m_.vector_registers * 3 / 4 / registers(k.out);
    std::int64_t vectors = std::max<std::int64_t>(1, most / 6);
    const auto empty = [&] {
      const std::int64_t width = vectors * lanes;
      return up(columns, width) * width - columns;
    };
    while (vectors > 1 && 8 * empty() > columns) --vectors;
    const std::int64_t tile = std::min(rows, std::min<std::int64_t>(12, most / vectors));
    const std::int64_t turns = std::max<std::int64_t>(1, m_.panel / (vectors * lanes * size));
    const bool packed = rows > 2 * tile;
    Loops made{{{tile, false, true}, {vectors, true}, {1, false, false, packed ? turns : 0}}};
    made.packed = packed;
    return made;
  }

  Loops loops(const DenseScatter&) const { return {}; }

  // Two vectors of columns share each sample's broadcast rows. Where elements are worked on as they
  // are read this is done once: one vector beside all rows, where registers hold as many sums, or a
  // panel that serves all tiles of rows.
  Loops loops(const LargeContract& k) const {
    if (m_.gpu) {
      Loops made{{{tile_size(k.rows, 8)}, {1, false, true}, {}}};
      made.flat = k.rows % made.axes[0].tile == 0;
      return made;
    }
    const std::int64_t sums =
        std::max<std::int64_t>(2, m_.vector_registers * 3 / 4 / registers(k.out));
    const std::int64_t vectors = works(k) && k.rows <= sums ? 1 : 2;
    Axis columns{vectors, true, true};
    columns.rest = Rest::Turns;
    Loops made{{{tile_size(k.rows, sums / vectors)}, columns, {}}};
    made.packed = works(k) && vectors == 2;
    if (made.packed) {
      const std::int64_t bytes = vectors * m_.lanes * element_bytes(k.out);
      made.axes[2].block = std::max(kBlock, m_.panel / 2 / bytes / kBlock * kBlock);
    }
    return made;
  }

 private:
  const Plan& plan_;
  const Machine& m_;

  // What computations touch at one element, and how much they do.
  struct Element {
    std::vector<const Ref*> refs;
    std::int64_t operations = 0;
  };
  static Element element(const std::vector<Compute>& computes) {
    Element made{{}, work(computes)};
    for (const Compute& c : computes) {
      if (c.to) made.refs.push_back(&*c.to);
      for (const Source& s : c.operands) {
        const Ref* from = std::get_if<Ref>(&s);
        if (from && from->buffer >= 0) made.refs.push_back(from);
      }
    }
    return made;
  }

  static bool works(const LargeContract& k) {
    return std::ranges::any_of(k.terms, [](const RowsTerm& term) {
      const TableRows* rows = std::get_if<TableRows>(&term.h);
      return rows != nullptr && !rows->computes.empty();
    });
  }

  Dtype dtype(const Ref& r) const { return plan_.buffer(r.buffer).dtype; }

  std::int64_t element_bytes(const Ref& r) const { return std::int64_t(bytes(dtype(r))); }
  // Those of the machine that a vector of these elements takes.
  std::int64_t registers(const Ref& r) const {
    return std::max<std::int64_t>(1, m_.lanes * element_bytes(r) / m_.vector_bytes);
  }

  // What a load or store of all lanes at once issues; a gather takes two operations for each.
  std::int64_t issued(std::int64_t stride) const {
    return stride == 0 || stride == 1 ? 1 : 2 * m_.lanes;
  }

  // Turns along the axis where what is gathered has its neighbours use the lines that lanes fetch.
  void use_lines(const std::vector<const Ref*>& refs, std::size_t lanes, std::int64_t operations,
                 std::vector<Axis>& axes) const {
    for (const Ref* r : refs) {
      if (r->strides[lanes] == 0 || r->strides[lanes] == 1) continue;
      for (std::size_t i = 0; i < axes.size(); ++i) {
        if (r->strides[i] == 1) axes[i].tile = operations > kExpansion ? 4 : 8;
      }
    }
  }

  // The axis that saves most as lanes; -1: none saves anything.
  int best_lanes(const std::vector<Dim>& extents, const std::vector<const Ref*>& refs,
                 std::int64_t operations) const {
    const auto accesses = std::int64_t(refs.size());
    double least = double(operations + accesses);  // for an element
    int best = -1;
    for (std::size_t i = extents.size(); i-- > 0;) {
      const std::int64_t n = size_of(extents[i]);
      std::int64_t turn = operations;
      for (const Ref* r : refs) turn += i < r->strides.size() ? issued(r->strides[i]) : 1;
      const double each = double(turn) * double(up(n, m_.lanes)) / double(n);
      if (each >= least) continue;
      least = each;
      best = int(i);
    }
    return best;
  }

  // Of an axis, what a tile holds at least.
  std::int64_t unit(const Axis& a) const { return a.tile * (a.lanes ? m_.lanes : 1); }

  void split(const std::vector<Dim>& extents, std::vector<Axis>& axes) const {
    std::size_t chosen = 0;
    std::int64_t most = 0;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      const std::int64_t tiles =
          std::min(m_.gpu ? kMany : kTeam, up(size_of(extents[i]), unit(axes[i])));
      if (tiles > most) chosen = i;
      most = std::max(most, tiles);
    }
    if (most > 0) axes[chosen].team = true;
  }

  // Outputs side by side: vectors along the axis that is lanes, then turns of another.
  Loops chains(const std::vector<Dim>& outer, std::size_t inner,
               const std::vector<const Ref*>& refs, const Ref& out, std::int64_t most,
               std::int64_t operations = 1, const DenseMatmul* product = nullptr) const {
    Loops made{std::vector<Axis>(outer.size() + inner)};
    const auto stride = [&](const Ref& r, std::size_t axis) -> std::int64_t {
      // A product's operands have an axis of their own each, and the one that is summed over.
      if (product && &r == &product->a) return axis == 0 ? r.strides[0] : 0;
      if (product && &r == &product->b) return axis == 1 ? r.strides[1] : 0;
      return r.strides[axis];
    };
    std::vector<Ref> walked;
    for (const Ref* r : refs) {
      if (r->buffer < 0) continue;
      Ref& next = walked.emplace_back();
      for (std::size_t i = 0; i < outer.size(); ++i) next.strides.push_back(stride(*r, i));
    }
    std::vector<const Ref*> all;
    for (const Ref& r : walked) all.push_back(&r);
    const int lanes = best_lanes(outer, all, operations);
    std::int64_t left = most;
    if (lanes >= 0) {
      Axis& a = made.axes[std::size_t(lanes)];
      a.lanes = true;
      const std::int64_t size = m_.lanes * std::int64_t(bytes(dtype(out)));
      left = std::max<std::int64_t>(1, left * m_.vector_bytes / size);
      a.tile = std::min(left, up(size_of(outer[std::size_t(lanes)]), m_.lanes));
      left /= a.tile;
    }
    for (std::size_t i = outer.size(); i-- > 0 && left > 1;) {
      Axis& a = made.axes[i];
      if (a.lanes) continue;
      a.tile = tile_size(size_of(outer[i]), left);
      left /= a.tile;
    }
    split(outer, made.axes);
    made.flat = m_.gpu && outer.size() > 1;
    return made;
  }
};

}  // namespace

std::int64_t tile_size(std::int64_t n, std::int64_t most) {
  if (n <= most) return n;
  for (std::int64_t d = most; 2 * d > most; --d) {
    if (n % d == 0) return d;
  }
  return most;
}

Loops dense_loops(const Plan& plan, const Schedule& so_far, const DenseKernel& kernel) {
  const Dense dense(plan, so_far.machine);
  Loops made = std::visit([&](const auto& k) { return dense.loops(k); }, kernel);
  made.who = who(so_far.places, kernel, so_far.machine.gpu);
  if (made.who != Who::Team) {
    for (Axis& a : made.axes) a.team = false;
  }
  return made;
}

}  // namespace nodec::plan
