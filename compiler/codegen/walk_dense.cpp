// Kernels on tensors without a batch: output elements are split over the team, never a sum.
#include <algorithm>

#include "compiler/codegen/walk_dense_nest.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

void Walker::dense(const DenseKernel& k) {
  const auto write = [&] { std::visit([&](const auto& one) { kernel(one); }, k); };
  how_->who == Who::First ? only_first(write) : write();
  how_ = nullptr;
}

void Walker::kernel(const DenseMap& k) {
  std::vector<std::vector<Operand>> operands;
  std::vector<Operand> to;
  for (const Compute& c : k.computes) {
    operands.push_back(ready_all(c));
    to.push_back(c.to ? ready(*c.to) : Operand{});
  }
  Nest nest(*this, k.extents);
  nest.each([&](const Spots& spots) {
    std::vector<std::vector<Code>> made;
    for (const Spot& spot : spots) made.push_back(elements(k, operands, nest, spot));
    const auto write = [&](bool own) {
      for (std::size_t p = 0; p < spots.size(); ++p) {
        for (std::size_t i = 0; i < to.size(); ++i) {
          if (to[i].in_memory && is_own(*k.computes[i].to) == own) {
            nest.store(to[i], spots[p], made[p][i]);
          }
        }
      }
    };
    write(true);
    if (how_->who != Who::Each) return write(false);
    const bool shared = std::any_of(k.computes.begin(), k.computes.end(),
                                    [&](const Compute& c) { return c.to && !is_own(*c.to); });
    if (shared) only_first([&] { write(false); });
  });
}

bool Walker::is_own(const Ref& to) const {
  return to.buffer >= 0 &&
         schedule_.places[static_cast<std::size_t>(to.buffer)].kind == plan::Place::Kind::Own;
}

// What the computations make at one spot.
std::vector<Code> Walker::elements(const DenseMap& k,
                                   const std::vector<std::vector<Operand>>& operands, Nest& nest,
                                   const Spot& spot) {
  std::vector<Code> made;
  for (std::size_t i = 0; i < k.computes.size(); ++i) {
    const Compute& c = k.computes[i];
    std::vector<Code> x;
    Code index = zero_;
    for (std::size_t j = 0; j < c.operands.size(); ++j) {
      const Source& s = c.operands[j];
      if (const Register* r = std::get_if<Register>(&s)) {
        x.push_back(made[r->compute]);
      } else if (const AxisIndex* along = std::get_if<AxisIndex>(&s)) {
        std::vector<std::int64_t> strides(spot.at.size(), 0);
        strides[along->axis] = 1;
        index = nest.index(strides, spot);
      } else if (const ElementIndex* among = std::get_if<ElementIndex>(&s)) {
        index = nest.index(among->strides, spot);
      } else if (const Zero* zero = std::get_if<Zero>(&s)) {
        x.push_back(e_.constant(scalar_kind(zero->dtype), 0));
      } else {
        x.push_back(nest.load(operands[i][j], spot));
      }
    }
    made.push_back(c.op && c.op->primitive->generate
                       ? c.op->primitive->generate(e_, *c.op, x, index)
                       : apply(c.op, x));
  }
  return made;
}

// A row's number, moved to the nearest end of the table when it is outside.
Code Walker::clamped(Code row, Code last) {
  row = minimum(e_.convert(row, Scalar::I64), last);
  return e_.select(e_.compare(Compare::Lt, row, zero_), zero_, row);
}

// Lanes along a row read neighbours; lanes along the index have a row each.
void Walker::kernel(const DenseGather& k) {
  const Operand table = ready(k.table), index = ready(k.index), out = ready(k.out);
  const Code last = e_.sub(evaluate(k.limit), one_);
  std::vector<Dim> extents = k.picks;
  extents.insert(extents.end(), k.row.begin(), k.row.end());
  Operand pick = index, row = table;  // over all axes
  pick.strides.resize(extents.size(), 0);
  if (table.in_memory) {
    row.strides.assign(k.picks.size(), 0);
    row.strides.insert(row.strides.end(), table.strides.begin() + 1, table.strides.end());
  }
  Nest nest(*this, extents);
  nest.each([&](const Spots& spots) {
    for (const Spot& spot : spots) {
      Code value = row.value;
      if (table.in_memory) {
        const Code begin = times(clamped(nest.load(pick, spot), last), table.strides[0]);
        value = nest.load(row, spot, {}, begin);
      }
      nest.store(out, spot, value);
    }
  });
}

}  // namespace nodec
